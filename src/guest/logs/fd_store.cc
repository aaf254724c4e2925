#include "guest/logs/fd_store.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "sys/notify.h"

namespace inro::guest::logs {

Result<> StoreDescriptor(int fd, std::string_view name) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == 0) return {};
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size >= sizeof to.sun_path) return Fail("$NOTIFY_SOCKET is too long");
  std::memcpy(to.sun_path, path, size);
  if (path[0] == '@') to.sun_path[0] = 0;
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return FailErrno("make a socket");
  std::string text = fmt::format("FDSTORE=1\nFDNAME={}", name);
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (path[0] == '@' ? 0 : 1));
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return FailErrno("store a descriptor");
  }
  return {};
}

Result<> ForgetDescriptor(std::string_view name) {
  return sys::Notify(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name));
}

}  // namespace inro::guest::logs
