#include "wire/hybrid.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>

#include "wire/address.h"

namespace inro::wire {
namespace {

using Clock = std::chrono::steady_clock;

// "WORD <number>", the word in any case.
std::optional<std::uint32_t> ParseLine(std::string_view line, std::string_view word) {
  if (line.size() < word.size() + 2 || line[word.size()] != ' ') return std::nullopt;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char upper = line[i] >= 'a' && line[i] <= 'z' ? static_cast<char>(line[i] - 32) : line[i];
    if (upper != word[i]) return std::nullopt;
  }
  const std::string_view digits = line.substr(word.size() + 1);
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return port;
}

Result<> WaitFor(int fd, short events, Clock::time_point deadline, std::uint32_t port) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    const int ready = left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready == 0) return FailAs(ErrorKind::kTimeout, "no answer to CONNECT {} in time", port);
    if (errno != EINTR) return FailErrno("wait for the answer to CONNECT {}", port);
  }
}

}  // namespace

std::string HybridRequest(std::uint32_t port) { return fmt::format("CONNECT {}\n", port); }
std::string HybridReply(std::uint32_t port) { return fmt::format("OK {}\n", port); }

std::optional<std::uint32_t> ParseHybridRequest(std::string_view line) {
  return ParseLine(line, "CONNECT");
}
std::optional<std::uint32_t> ParseHybridReply(std::string_view line) {
  return ParseLine(line, "OK");
}

Result<> ShakeHybrid(int fd, std::uint32_t port, std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  const std::string request = HybridRequest(port);
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return FailAs(ErrorKind::kClosed, "CONNECT {}: the peer does not listen", port);
  }
  // Byte by byte: what follows the newline belongs to the connection.
  std::string line;
  while (line.size() < kHybridLineLimit) {
    INRO_TRY(WaitFor(fd, POLLIN, deadline, port));
    char byte = 0;
    const ssize_t got = ::recv(fd, &byte, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return FailErrno("read the answer to CONNECT {}", port);
    if (got == 0) return FailAs(ErrorKind::kClosed, "CONNECT {}: the peer hung up", port);
    if (byte == '\n') {
      if (ParseHybridReply(line)) return {};
      return Fail("CONNECT {}: unexpected answer \"{}\"", port, line);
    }
    line.push_back(byte);
  }
  return Fail("CONNECT {}: the answer is over {} bytes", port, kHybridLineLimit);
}

Result<UniqueFd> ConnectHybrid(const std::string& path, std::uint32_t port,
                               std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  INRO_ASSIGN(UniqueFd fd,
              Connect({.kind = Address::Kind::kUnix, .cid = 0, .port = 0, .path = path}, timeout));
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  INRO_TRY(ShakeHybrid(fd.get(), port, left));
  return fd;
}

}  // namespace inro::wire
