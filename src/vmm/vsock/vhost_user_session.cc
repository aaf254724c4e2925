#include "vmm/vsock/vhost_user_session.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace inro::vmm {
namespace {

constexpr std::uint64_t kOfferedFeatures =
    kFeatureVersion1 | kFeatureIndirect | kFeatureEventIndex | kFeatureProtocol;
constexpr std::uint64_t kOfferedProtocol =
    kProtocolMultiQueue | kProtocolReplyAck | kProtocolConfig | kProtocolResetDevice;

}  // namespace

VhostUserSession::VhostUserSession(UniqueFd socket, std::uint64_t guest_cid, Listener& listener)
    : socket_(std::move(socket)), guest_cid_(guest_cid), listener_(listener) {}

VhostUserSession::~VhostUserSession() = default;

Result<> VhostUserSession::HandleReadable() {
  for (;;) {
    INRO_ASSIGN(const bool whole, Receive());
    if (!whole) return {};
    if (auto served = Serve(); !served) {
      return std::unexpected(served.error().Wrap(VhostUserRequestName(header_.request)));
    }
    received_.clear();
    descriptors_.clear();
  }
}

// Reads on in the current message; true when it is whole.
Result<bool> VhostUserSession::Receive() {
  for (;;) {
    std::size_t wanted = sizeof(VhostUserHeader);
    if (received_.size() >= wanted) {
      std::memcpy(&header_, received_.data(), sizeof header_);
      INRO_TRY(CheckHeader(header_));
      wanted += header_.size;
    }
    if (received_.size() == wanted) return true;
    const std::size_t have = received_.size();
    received_.resize(wanted);
    iovec part{received_.data() + have, wanted - have};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * GuestMemory::kMaxRegions)> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) {
      received_.resize(have);
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return false;
      if (errno == ECONNRESET) return FailAs(ErrorKind::kClosed, "the VMM is gone");
      return FailErrno("read from the VMM");
    }
    received_.resize(have + static_cast<std::size_t>(got));
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
         item = CMSG_NXTHDR(&message, item)) {
      if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
        descriptors_.emplace_back(fd);
      }
    }
    if (descriptors_.size() > GuestMemory::kMaxRegions || (message.msg_flags & MSG_CTRUNC) != 0) {
      return Fail("too many descriptors in one message");
    }
    if (got == 0) return FailAs(ErrorKind::kClosed, "the VMM is gone");
  }
}

Result<> VhostUserSession::Serve() {
  const std::span<const std::byte> payload =
      std::span<const std::byte>(received_).subspan(sizeof header_);
  const auto request = static_cast<VhostUserRequest>(header_.request);
  replied_ = false;
  switch (request) {
    case VhostUserRequest::kGetFeatures:
      INRO_TRY(ReplyU64(kOfferedFeatures));
      break;
    case VhostUserRequest::kSetFeatures: {
      INRO_ASSIGN(const std::uint64_t wanted, ParseU64(payload));
      if ((wanted & ~kOfferedFeatures) != 0) return Fail("features {:#x} were not offered", wanted);
      features_ = wanted;
      break;
    }
    case VhostUserRequest::kGetProtocolFeatures:
      INRO_TRY(ReplyU64(kOfferedProtocol));
      break;
    case VhostUserRequest::kSetProtocolFeatures: {
      INRO_ASSIGN(const std::uint64_t wanted, ParseU64(payload));
      if ((wanted & ~kOfferedProtocol) != 0) {
        return Fail("protocol features {:#x} were not offered", wanted);
      }
      protocol_features_ = wanted;
      break;
    }
    case VhostUserRequest::kGetQueueNumber:
      INRO_TRY(ReplyU64(kQueueCount));
      break;
    case VhostUserRequest::kSetOwner:
      break;
    case VhostUserRequest::kResetOwner:
    case VhostUserRequest::kResetDevice:
      Reset();
      break;
    case VhostUserRequest::kSetMemoryTable:
      INRO_TRY(ServeMemoryTable(payload));
      break;
    case VhostUserRequest::kGetConfig:
      INRO_TRY(ServeConfig(payload));
      break;
    case VhostUserRequest::kSetConfig:
      break;  // the guest's CID is not the guest's to change
    case VhostUserRequest::kSetVringNumber:
    case VhostUserRequest::kSetVringAddress:
    case VhostUserRequest::kSetVringBase:
    case VhostUserRequest::kGetVringBase:
    case VhostUserRequest::kSetVringEnable:
      INRO_TRY(ServeRing(request, payload));
      break;
    case VhostUserRequest::kSetVringKick:
    case VhostUserRequest::kSetVringCall:
    case VhostUserRequest::kSetVringError:
      INRO_TRY(ServeRingDescriptor(request, payload));
      break;
    default:
      return Fail("not supported");
  }
  if ((header_.flags & VhostUserHeader::kNeedReply) != 0 && !replied_ &&
      (protocol_features_ & kProtocolReplyAck) != 0) {
    INRO_TRY(ReplyU64(0));
  }
  return {};
}

Result<> VhostUserSession::ServeRing(VhostUserRequest request, std::span<const std::byte> payload) {
  if (request == VhostUserRequest::kSetVringAddress) {
    INRO_ASSIGN(const VringAddress address, ParseVringAddress(payload));
    if (address.index >= kQueueCount) return Fail("no queue {}", address.index);
    StopRings();
    Ring& ring = rings_[address.index];
    ring.addresses.descriptors = address.descriptors;
    ring.addresses.available = address.available;
    ring.addresses.used = address.used;
    ring.has_addresses = true;
    return Update();
  }
  INRO_ASSIGN(const VringState state, ParseVringState(payload));
  if (state.index >= kQueueCount) return Fail("no queue {}", state.index);
  Ring& ring = rings_[state.index];
  switch (request) {
    case VhostUserRequest::kSetVringNumber:
      if (state.value == 0 || state.value > 32768) return Fail("a ring of {}", state.value);
      StopRings();
      ring.addresses.size = static_cast<std::uint16_t>(state.value);
      return Update();
    case VhostUserRequest::kSetVringBase:
      StopRings();
      ring.addresses.base = static_cast<std::uint16_t>(state.value);
      return Update();
    case VhostUserRequest::kSetVringEnable:
      if (ring.enabled == (state.value != 0)) return {};
      StopRings();
      ring.enabled = state.value != 0;
      return Update();
    default: {  // GET_VRING_BASE, which stops the ring
      StopRings();
      ring.kick.reset();
      const VringState answer{state.index, ring.addresses.base};
      return Reply(std::as_bytes(std::span(&answer, 1)));
    }
  }
}

Result<> VhostUserSession::ServeRingDescriptor(VhostUserRequest request,
                                               std::span<const std::byte> payload) {
  INRO_ASSIGN(const VringDescriptor vring, ParseVringDescriptor(payload));
  if (vring.index >= kQueueCount) return Fail("no queue {}", vring.index);
  if (descriptors_.size() != (vring.has_fd ? 1U : 0U)) {
    return Fail("{} descriptors came along", descriptors_.size());
  }
  UniqueFd fd = vring.has_fd ? std::move(descriptors_.front()) : UniqueFd();
  Ring& ring = rings_[vring.index];
  if (request == VhostUserRequest::kSetVringKick) {
    if (!fd) return Fail("a ring without a kick descriptor");
    StopRings();
    ring.kick = std::move(fd);
    return Update();
  }
  if (request == VhostUserRequest::kSetVringCall) {
    ring.call = std::move(fd);
    if (running_) listener_.OnRingDescriptors();
  }
  return {};  // errors of a ring are counted, not signalled
}

Result<> VhostUserSession::ServeMemoryTable(std::span<const std::byte> payload) {
  INRO_ASSIGN(const std::vector<MemoryRegion> regions,
              ParseMemoryTable(payload, descriptors_.size()));
  GuestMemory memory;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    INRO_TRY(memory.Map(regions[i], descriptors_[i]));
  }
  StopRings();
  memory_ = std::move(memory);
  return Update();
}

// struct virtio_vsock_config: the guest's CID, 8 bytes.
Result<> VhostUserSession::ServeConfig(std::span<const std::byte> payload) {
  INRO_ASSIGN(const ConfigAccess access, ParseConfigAccess(payload));
  std::vector<std::byte> answer(payload.begin(), payload.end());
  std::array<std::byte, sizeof guest_cid_> config;
  std::memcpy(config.data(), &guest_cid_, sizeof guest_cid_);
  for (std::uint32_t i = 0; i < access.size; ++i) {
    const std::uint64_t at = std::uint64_t{access.offset} + i;
    answer[sizeof access + i] = at < config.size() ? config[at] : std::byte{0};
  }
  return Reply(answer);
}

Result<> VhostUserSession::Reply(std::span<const std::byte> payload) {
  replied_ = true;
  std::vector<std::byte> bytes(sizeof(VhostUserHeader) + payload.size());
  const VhostUserHeader header{header_.request, VhostUserHeader::kVersion | VhostUserHeader::kReply,
                               static_cast<std::uint32_t>(payload.size())};
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
  // The VMM waits for this answer: a socket that is full of unread answers is a broken peer.
  const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno == EPIPE) return FailAs(ErrorKind::kClosed, "the VMM is gone");
  if (sent < 0) return FailErrno("answer the VMM");
  if (static_cast<std::size_t>(sent) != bytes.size()) return Fail("the VMM reads no answers");
  return {};
}

Result<> VhostUserSession::ReplyU64(std::uint64_t value) {
  return Reply(std::as_bytes(std::span(&value, 1)));
}

bool VhostUserSession::Ready() const {
  if (memory_.empty()) return false;
  const bool need_enable = (features_ & kFeatureProtocol) != 0;
  for (const Ring& ring : rings_) {
    if (!ring.has_addresses || ring.addresses.size == 0 || !ring.kick) return false;
    if (need_enable && !ring.enabled) return false;
  }
  return true;
}

Result<> VhostUserSession::Update() {
  if (running_ || !Ready()) return {};
  INRO_TRY(listener_.OnStart());
  running_ = true;
  return {};
}

void VhostUserSession::StopRings() {
  if (!running_) return;
  running_ = false;
  const std::array<std::uint16_t, kQueueCount> next = listener_.OnStop();
  for (std::size_t i = 0; i < kQueueCount; ++i) rings_[i].addresses.base = next[i];
}

void VhostUserSession::Reset() {
  StopRings();
  for (Ring& ring : rings_) ring = Ring();
  features_ = 0;
  listener_.OnReset();
}

}  // namespace inro::vmm
