#include "sys/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace inro::sys {

Result<> Notify(std::string_view state) {
  const char* name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || *name == '\0') return {};
  union {
    sockaddr any;
    sockaddr_un un;
  } address;
  std::memset(&address, 0, sizeof address);
  address.un.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(name);
  if (size >= sizeof address.un.sun_path) return Fail("NOTIFY_SOCKET is too long: {}", name);
  std::memcpy(address.un.sun_path, name, size);
  if (name[0] == '@') address.un.sun_path[0] = '\0';
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("socket for {}", name);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  if (::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, &address.any, length) < 0) {
    return FailErrno("notify {}", name);
  }
  return {};
}

}  // namespace inro::sys
