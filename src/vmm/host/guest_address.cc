#include "vmm/host/guest_address.h"

#include <sys/stat.h>

#include <charconv>
#include <ctime>
#include <optional>

#include "vmm/guest/ended_guest.h"
#include "vmm/guest/guest_record.h"
#include "vmm/guest/run_folder.h"
#include "wire/address.h"

namespace inro::vmm {
namespace {

constexpr std::string_view kCidScheme = "vsock://";
constexpr std::string_view kHybridScheme = "hvsock://";
constexpr std::chrono::milliseconds kLookLimit{2000};

// "running: a, b", or that none runs.
std::string WhatRuns() {
  const std::vector<std::string> names = RunningGuests();
  if (names.empty()) return "none is running; `inro boot --detach` starts one";
  return fmt::format("running: {}", fmt::join(names, ", "));
}

// Of a detached guest that is no more: when, how, and where its logs are.
std::string HowItEnded(const std::string& name) {
  for (const EndedGuest& guest : EndedGuests()) {
    if (guest.record.name != name) continue;
    return fmt::format("; it {} {} s ago: its logs are in {}", guest.record.end,
                       std::time(nullptr) - guest.record.ended_at, guest.folder);
  }
  return "";
}

Result<GuestAddress> FromCid(std::string_view text) {
  const std::string_view digits = text.substr(kCidScheme.size());
  GuestAddress guest;
  guest.kind = GuestAddress::Kind::kCid;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, guest.cid);
  if (error != std::errc() || end != last || guest.cid < 3 || guest.cid == wire::kAnyCid) {
    return FailAs(ErrorKind::kBadInput, "{}: a guest's CID is a number from 3 on", text);
  }
  return guest;
}

Result<GuestAddress> FromPath(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    const Error cause = Error::FromErrno(path);
    return std::unexpected(
        Error(ErrorKind::kBadInput, fmt::format("{} (a guest's hybrid socket)", cause.message())));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return FailAs(ErrorKind::kBadInput,
                  "{} is no socket: name a guest, vsock://CID or a hybrid socket's path", path);
  }
  GuestAddress guest;
  guest.socket = path;
  return guest;
}

Result<GuestAddress> FromName(const std::string& name) {
  const auto paths = FindRunFolder(name);
  if (!paths) {
    return FailAs(ErrorKind::kBadInput, "no guest named \"{}\"{}; {}", name, HowItEnded(name),
                  WhatRuns());
  }
  GuestAddress guest;
  guest.name = name;
  guest.socket = paths->hybrid_socket();
  const auto record = ReadGuestRecord(*paths);
  if (record && record->vsock == VsockMode::kKernel) {
    guest.kind = GuestAddress::Kind::kCid;
    guest.cid = record->cid;
  }
  return guest;
}

wire::Address HostSocket(const GuestAddress& guest, std::uint32_t port) {
  wire::Address address;
  if (guest.kind == GuestAddress::Kind::kCid) {
    address.kind = wire::Address::Kind::kVsock;
    address.cid = wire::kAnyCid;
    address.port = port;
  } else {
    address.kind = wire::Address::Kind::kUnix;
    address.path = fmt::format("{}_{}", guest.socket, port);
  }
  return address;
}

}  // namespace

std::string GuestAddress::ToString() const {
  if (!name.empty()) return name;
  return kind == Kind::kCid ? fmt::format("{}{}", kCidScheme, cid) : socket;
}

Result<GuestAddress> FindGuest(const std::string& text) {
  if (text.starts_with(kCidScheme)) return FromCid(text);
  if (text.starts_with(kHybridScheme)) return FromPath(text.substr(kHybridScheme.size()));
  if (text.find('/') != std::string::npos) return FromPath(text);
  return FromName(text);
}

Result<UniqueFd> ConnectGuest(const GuestAddress& guest, std::uint32_t port,
                              std::chrono::milliseconds timeout) {
  wire::Address address;
  address.port = port;
  if (guest.kind == GuestAddress::Kind::kCid) {
    address.kind = wire::Address::Kind::kVsock;
    address.cid = guest.cid;
  } else {
    address.kind = wire::Address::Kind::kHybrid;
    address.path = guest.socket;
  }
  auto socket = wire::Connect(address, timeout);
  if (socket) return socket;
  return std::unexpected(
      socket.error().Wrap(fmt::format("connect to port {} of guest {}", port, guest.ToString())));
}

Result<UniqueFd> ListenForGuest(const GuestAddress& guest, std::uint32_t port) {
  const wire::Address address = HostSocket(guest, port);
  if (address.kind == wire::Address::Kind::kUnix && wire::Connect(address, kLookLimit)) {
    return Fail("{}: another process serves this port of the guest", address.path);
  }
  INRO_ASSIGN(UniqueFd listener, wire::Listen(address));
  if (address.kind == wire::Address::Kind::kUnix && ::chmod(address.path.c_str(), 0600) != 0) {
    return FailErrno("make {} private", address.path);
  }
  return listener;
}

Result<UniqueFd> AcceptFromGuest(const GuestAddress& guest, int listener) {
  wire::Peer peer;
  INRO_ASSIGN(UniqueFd socket, wire::Accept(listener, peer));
  if (peer.vsock && peer.cid != guest.cid) socket.reset();
  return socket;
}

}  // namespace inro::vmm
