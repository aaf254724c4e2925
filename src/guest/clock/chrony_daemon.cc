#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/scope_guard.h"
#include "base/unique_fd.h"
#include "guest/clock/chrony.h"

namespace inro::guest::clock {
namespace {

constexpr std::size_t kLargestReply = 1024;
constexpr int kRepliesRead = 4;  // late ones of requests before
constexpr timeval kReplyLimit{.tv_sec = 1, .tv_usec = 0};

union SocketAddress {
  sockaddr any;
  sockaddr_un un;
};

Result<SocketAddress> AddressOf(const std::string& path) {
  SocketAddress address;
  std::memset(&address, 0, sizeof address);
  address.un.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.un.sun_path) return Fail("{} is too long for a socket", path);
  std::memcpy(address.un.sun_path, path.c_str(), path.size());
  return address;
}

Result<UniqueFd> DatagramTo(const std::string& path) {
  INRO_ASSIGN(const SocketAddress address, AddressOf(path));
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return FailErrno("make a socket");
  if (::connect(socket.get(), &address.any, sizeof address.un) != 0) {
    return FailErrno("connect to {}", path);
  }
  return socket;
}

Result<> Send(int socket, const std::vector<std::uint8_t>& bytes, const std::string& path) {
  if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return FailErrno("send to {}", path);
  }
  return {};
}

}  // namespace

// A socket's file outlives a daemon that was killed: only a connection tells.
bool ChronyDaemon::WantsSamples() const { return DatagramTo(samples_).has_value(); }
bool ChronyDaemon::Runs() const { return DatagramTo(commands_).has_value(); }

Result<> ChronyDaemon::Feed(const Reading& reading) {
  INRO_ASSIGN(const UniqueFd socket, DatagramTo(samples_));
  return Send(socket.get(), EncodeSample(reading), samples_);
}

Result<std::vector<std::uint8_t>> ChronyDaemon::Ask(ChronyCommand command) {
  INRO_ASSIGN(const UniqueFd socket, DatagramTo(commands_));
  // chronyd, an ordinary user by now, answers to the sender's own path.
  const std::string path =
      fmt::format("{}/inro-clock.{}.sock", commands_.substr(0, commands_.rfind('/')), ::getpid());
  INRO_ASSIGN(const SocketAddress own, AddressOf(path));
  ::unlink(path.c_str());
  if (::bind(socket.get(), &own.any, sizeof own.un) != 0) return FailErrno("bind {}", path);
  const ScopeGuard gone([&] { ::unlink(path.c_str()); });
  if (::chmod(path.c_str(), 0666) != 0) return FailErrno("open {} for chronyd", path);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kReplyLimit, sizeof kReplyLimit);
  ++sequence_;
  INRO_TRY(Send(socket.get(), EncodeChronyRequest(command, sequence_), commands_));
  for (int i = 0; i < kRepliesRead; ++i) {
    std::vector<std::uint8_t> reply(kLargestReply);
    const ssize_t got = ::recv(socket.get(), reply.data(), reply.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read chronyd's reply");
    reply.resize(static_cast<std::size_t>(got));
    const auto data = ParseChronyReply(reply, command, sequence_);
    if (data) return std::vector<std::uint8_t>(data->begin(), data->end());
  }
  return Fail("chronyd refused command {}", static_cast<int>(command));
}

Result<> ChronyDaemon::ResetSources() {
  INRO_TRY(Ask(ChronyCommand::kResetSources));
  return {};
}

Result<Tracking> ChronyDaemon::AskTracking() {
  INRO_ASSIGN(const std::vector<std::uint8_t> data, Ask(ChronyCommand::kTracking));
  const auto tracking = ParseTracking(data);
  if (!tracking) return Fail("chronyd's reply is too short");
  return *tracking;
}

}  // namespace inro::guest::clock
