#include "vmm/vsock/vsock_device.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <utility>

#include "vmm/vsock/event_loop.h"
#include "vmm/vsock/hybrid_listener.h"
#include "vmm/vsock/vhost_user_session.h"

namespace inro::vmm {
namespace {

enum Token : std::uint64_t {
  kStopToken = 1,
  kVhostListenerToken,
  kSessionToken,
  kHybridListenerToken,
  kKickToken,
  kFirstConnectionToken = 16,
};

// Connections taken from the listener before others get their turn.
constexpr int kAcceptsATurn = 64;

bool IsListening(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

}  // namespace

class VsockDevice::Impl final : public VhostUserSession::Listener {
 public:
  Impl(VsockDeviceOptions options, EventLoop loop, HybridListener hybrid, UniqueFd stop)
      : options_(std::move(options)),
        loop_(std::move(loop)),
        hybrid_(std::move(hybrid)),
        stop_(std::move(stop)),
        engine_({options_.guest_cid, options_.hybrid_socket_path, options_.limits,
                 kFirstConnectionToken},
                loop_, statistics_) {}
  ~Impl() override {
    if (!options_.vhost_socket_path.empty()) unlink(options_.vhost_socket_path.c_str());
  }

  Result<> Open() {
    INRO_TRY(loop_.Add(stop_.get(), EPOLLIN, kStopToken));
    if (options_.stop_fd) INRO_TRY(loop_.Add(options_.stop_fd.get(), EPOLLIN, kStopToken));
    INRO_TRY(loop_.Add(hybrid_.fd(), EPOLLIN, kHybridListenerToken));
    if (options_.vhost_fd) {
      options_.vhost_socket_path.clear();
      if (!IsListening(options_.vhost_fd.get())) return Attach(std::move(options_.vhost_fd));
      vhost_listener_ = std::move(options_.vhost_fd);
    } else {
      INRO_ASSIGN(vhost_listener_, ListenPrivately(options_.vhost_socket_path));
    }
    return loop_.Add(vhost_listener_.get(), EPOLLIN, kVhostListenerToken);
  }

  Result<> Run();
  void Stop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof one);
  }
  const VsockStatistics& statistics() const { return statistics_; }

 private:
  Result<> OnStart() override;
  std::array<std::uint16_t, kQueueCount> OnStop() override;
  void OnRingDescriptors() override {
    engine_.SetCalls(session_->ring(kReceiveQueue).call.get(),
                     session_->ring(kTransmitQueue).call.get());
  }
  void OnReset() override {
    resume_at_.reset();
    engine_.DropGuestConnections();
  }

  Result<> Attach(UniqueFd socket) {
    session_.emplace(std::move(socket), options_.guest_cid, *this);
    return loop_.Add(session_->fd(), EPOLLIN, kSessionToken);
  }
  Result<> AcceptVmm();
  Result<> ServeVmm();
  void AcceptHosts(Clock::time_point now);

  VsockDeviceOptions options_;
  EventLoop loop_;
  HybridListener hybrid_;
  UniqueFd stop_;
  UniqueFd vhost_listener_;
  VsockStatistics statistics_;
  PacketEngine engine_;
  std::optional<VhostUserSession> session_;
  // Where a stopped device would go on, if that is what it is started for.
  std::optional<std::array<std::uint16_t, kQueueCount>> resume_at_;
  bool done_ = false;
};

Result<> VsockDevice::Impl::Run() {
  while (!done_) {
    INRO_ASSIGN(const std::span<const epoll_event> events, loop_.Wait(engine_.NextDeadline()));
    const Clock::time_point now = Clock::now();
    for (const epoll_event& event : events) {
      switch (event.data.u64) {
        case kStopToken:
          return {};
        case kVhostListenerToken:
          INRO_TRY(AcceptVmm());
          break;
        case kSessionToken:
          INRO_TRY(ServeVmm());
          break;
        case kHybridListenerToken:
          AcceptHosts(now);
          break;
        case kKickToken:
          break;  // Pump() looks into both rings
        default:
          engine_.OnHostEvents(event.data.u64, event.events, now);
          break;
      }
    }
    engine_.OnTime(now);
    engine_.Pump(now);
  }
  return {};
}

Result<> VsockDevice::Impl::AcceptVmm() {
  UniqueFd socket(accept4(vhost_listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket || session_) return {};  // one VMM at a time: a second one is turned away
  return Attach(std::move(socket));
}

Result<> VsockDevice::Impl::ServeVmm() {
  if (!session_) return {};
  auto served = session_->HandleReadable();
  if (served) return {};
  engine_.Stop();
  engine_.DropGuestConnections();
  resume_at_.reset();
  session_.reset();
  if (vhost_listener_ && !options_.until_vmm_leaves) return {};
  done_ = true;
  if (served.error().kind() == ErrorKind::kClosed) return {};
  return std::unexpected(served.error().Wrap("the VMM broke the vhost-user protocol"));
}

void VsockDevice::Impl::AcceptHosts(Clock::time_point now) {
  for (int i = 0; i < kAcceptsATurn; ++i) {
    bool refused = false;
    UniqueFd fd = hybrid_.Accept(refused);
    if (refused) statistics_.refused.Add();
    if (!fd) return;
    engine_.OnAccepted(std::move(fd), now);
  }
}

Result<> VsockDevice::Impl::OnStart() {
  const VhostUserSession::Ring& receive = session_->ring(kReceiveQueue);
  const VhostUserSession::Ring& transmit = session_->ring(kTransmitQueue);
  const std::array<std::uint16_t, kQueueCount> bases = {receive.addresses.base,
                                                        transmit.addresses.base};
  // A new driver starts its rings at 0. A paused VM goes on where it was stopped.
  const bool resumed = resume_at_ == bases && (bases[0] != 0 || bases[1] != 0);
  if (!resumed) engine_.DropGuestConnections();
  resume_at_.reset();
  // The edge is what is waited for: the counters are never read.
  for (const VhostUserSession::Ring* ring : {&receive, &transmit}) {
    INRO_TRY(loop_.Add(ring->kick.get(), EPOLLIN | EPOLLET, kKickToken));
  }
  return engine_.Start(session_->memory(), session_->features(), receive.addresses,
                       receive.call.get(), transmit.addresses, transmit.call.get());
}

std::array<std::uint16_t, kQueueCount> VsockDevice::Impl::OnStop() {
  for (std::size_t i = 0; i < kQueueCount; ++i) loop_.Remove(session_->ring(i).kick.get());
  resume_at_ = engine_.Stop();
  return *resume_at_;
}

Result<std::unique_ptr<VsockDevice>> VsockDevice::Create(VsockDeviceOptions options) {
  if (options.guest_cid < 3 || options.guest_cid >= 0xffffffff) {
    return Fail("guest CID {} is reserved; use 3 or more", options.guest_cid);
  }
  INRO_ASSIGN(EventLoop loop, EventLoop::Create());
  INRO_ASSIGN(HybridListener hybrid, HybridListener::Create(options.hybrid_socket_path));
  UniqueFd stop(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!stop) return FailErrno("make an event descriptor");
  auto impl = std::make_unique<Impl>(std::move(options), std::move(loop), std::move(hybrid),
                                     std::move(stop));
  INRO_TRY(impl->Open());
  return std::unique_ptr<VsockDevice>(new VsockDevice(std::move(impl)));
}

VsockDevice::VsockDevice(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VsockDevice::~VsockDevice() = default;
Result<> VsockDevice::Run() { return impl_->Run(); }
void VsockDevice::Stop() { impl_->Stop(); }
const VsockStatistics& VsockDevice::statistics() const { return impl_->statistics(); }

Result<> RunVsockDevice(VsockDeviceOptions options) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  if (sigprocmask(SIG_BLOCK, &ends, nullptr) != 0) return FailErrno("block signals");
  options.stop_fd.reset(signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!options.stop_fd) return FailErrno("watch signals");
  options.until_vmm_leaves = true;
  INRO_ASSIGN(const std::unique_ptr<VsockDevice> device, VsockDevice::Create(std::move(options)));
  return device->Run();
}

}  // namespace inro::vmm
