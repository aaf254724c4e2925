#include "guest/init/notify_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "unit/text.h"

namespace inro::guest {

namespace {

// As FileDescriptorName= has it: the list of them is separated by colons.
bool IsDescriptorName(std::string_view name) {
  if (name.empty() || name.size() > 255) return false;
  for (const char c : name) {
    if (c == ':' || c <= ' ' || c >= 127) return false;
  }
  return true;
}

}  // namespace

NotifyMessage ParseNotifyMessage(std::string_view text) {
  NotifyMessage message;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (name == "READY") message.ready = value == "1";
    if (name == "STOPPING") message.stopping = value == "1";
    if (name == "RELOADING") message.reloading = value == "1";
    if (name == "WATCHDOG") {
      message.watchdog = value == "1";
      message.watchdog_trigger = value == "trigger";
    }
    if (name == "WATCHDOG_USEC") {
      constexpr std::int64_t kMost = 86'400'000'000;
      const auto number = unit::ParseNumber<std::int64_t>(value);
      if (number && *number > 0) message.watchdog_usec = Time(std::min(*number, kMost));
    }
    if (name == "FDSTORE") message.store = value == "1";
    if (name == "FDSTOREREMOVE") message.store_remove = value == "1";
    if (name == "FDNAME" && IsDescriptorName(value)) message.store_name = std::string(value);
    if (name == "STATUS") message.status = std::string(value);
    if (name == "MAINPID") message.main_pid = unit::ParseNumber<pid_t>(value);
    if (name == "EXTEND_TIMEOUT_USEC") {
      constexpr std::int64_t kDay = 86'400'000'000;
      const auto number = unit::ParseNumber<std::int64_t>(value);
      if (number && *number > 0) message.extend_timeout = Time(std::min(*number, kDay));
    }
  }
  return message;
}

Result<NotifySocket> NotifySocket::Bind(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Fail("{} is too long for a socket", path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("make a socket");
  ::unlink(path.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno("bind {}", path);
  }
  const int on = 1;
  if (::chmod(path.c_str(), 0777) != 0 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return FailErrno("set up {}", path);
  }
  return NotifySocket(std::move(fd));
}

std::optional<NotifySocket::Received> NotifySocket::Receive() {
  char text[4096];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 253)];
  iovec part{text, sizeof text};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return std::nullopt;
  Received received;
  std::vector<UniqueFd> descriptors;  // closed unless the message says what they are for
  for (cmsghdr* row = CMSG_FIRSTHDR(&header); row != nullptr; row = CMSG_NXTHDR(&header, row)) {
    if (row->cmsg_level != SOL_SOCKET) continue;
    if (row->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(row), sizeof sender);
      received.sender = sender.pid;
    } else if (row->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (row->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(row) + i * sizeof(int), sizeof fd);
        descriptors.emplace_back(fd);
      }
    }
  }
  // A cut message could end in the middle of a value.
  if ((header.msg_flags & MSG_TRUNC) == 0) {
    received.message = ParseNotifyMessage({text, static_cast<std::size_t>(size)});
    if (received.message.store) received.message.descriptors = std::move(descriptors);
  }
  return received;
}

}  // namespace inro::guest
