#include "vsock/host_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace inro::vsock_guest {
namespace {

constexpr int kSeconds = 60;

Result<> Lost(std::string_view what) {
  if (errno == EAGAIN) return FailAs(ErrorKind::kTimeout, "{}: nothing for {} s", what, kSeconds);
  if (errno == EPIPE || errno == ECONNRESET) {
    return FailAs(ErrorKind::kClosed, "{}: the stream was reset", what);
  }
  return FailErrno("{}", what);
}

sockaddr_un Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

}  // namespace

HostStream::HostStream(UniqueFd fd) : fd_(std::move(fd)) {
  const timeval limit{kSeconds, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Result<HostStream> HostStream::Begin(const std::string& hybrid_socket, std::uint32_t port) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = Address(hybrid_socket);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno("connect to {}", hybrid_socket);
  }
  HostStream stream(std::move(fd));
  const std::string line = fmt::format("CONNECT {}\n", port);
  INRO_TRY(stream.Write(line.data(), line.size()));
  return stream;
}

Result<> HostStream::AwaitOk() {
  std::string line;
  while (!line.ends_with('\n')) {
    char byte = 0;
    INRO_TRY(Read(&byte, 1));
    line += byte;
  }
  if (!line.starts_with("OK ")) return Fail("the device answered {}", line);
  return {};
}

Result<HostStream> HostStream::Connect(const std::string& hybrid_socket, std::uint32_t port) {
  INRO_ASSIGN(HostStream stream, Begin(hybrid_socket, port));
  INRO_TRY(stream.AwaitOk());
  return stream;
}

Result<> HostStream::Write(const void* bytes, std::size_t size) {
  const auto* from = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t n = send(fd_.get(), from, size, MSG_NOSIGNAL);
    if (n < 0) return Lost("write to the guest");
    from += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

Result<std::size_t> HostStream::ReadSome(void* bytes, std::size_t size) {
  const ssize_t n = recv(fd_.get(), bytes, size, 0);
  if (n < 0) return std::unexpected(Lost("read from the guest").error());
  return static_cast<std::size_t>(n);
}

Result<> HostStream::Read(void* bytes, std::size_t size) {
  auto* to = static_cast<char*>(bytes);
  while (size > 0) {
    INRO_ASSIGN(const std::size_t n, ReadSome(to, size));
    if (n == 0) return FailAs(ErrorKind::kClosed, "the stream ended");
    to += n;
    size -= n;
  }
  return {};
}

void HostStream::FinishWriting() { shutdown(fd_.get(), SHUT_WR); }

Result<> HostStream::Echo(std::string_view message) {
  INRO_TRY(Write(message.data(), message.size()));
  std::string back(message.size(), '\0');
  INRO_TRY(Read(back.data(), back.size()));
  if (back != message) return Fail("the echo is different");
  return {};
}

Result<UniqueFd> ListenForGuest(const std::string& hybrid_socket, std::uint32_t port) {
  const std::string path = fmt::format("{}_{}", hybrid_socket, port);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = Address(path);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 16) != 0) {
    return FailErrno("listen at {}", path);
  }
  return fd;
}

Result<HostStream> AcceptGuest(const UniqueFd& listener) {
  pollfd waiting{listener.get(), POLLIN, 0};
  if (poll(&waiting, 1, kSeconds * 1000) != 1) {
    return FailAs(ErrorKind::kTimeout, "no connection of the guest for {} s", kSeconds);
  }
  UniqueFd fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd) return FailErrno("accept the guest's connection");
  return HostStream(std::move(fd));
}

}  // namespace inro::vsock_guest
