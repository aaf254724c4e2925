#include "vmm/vsock/hybrid_listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sys/file.h"

namespace inro::vmm {
namespace {

Result<> PrepareFolder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (mkdir(folder.c_str(), 0700) != 0) {
    if (errno == ENOENT) {
      INRO_TRY(sys::MakeDirectories(folder, 0700));
    } else if (errno != EEXIST) {
      return FailErrno("make folder {}", folder);
    }
  }
  struct stat info{};
  if (stat(folder.c_str(), &info) != 0) return FailErrno("look at folder {}", folder);
  if (info.st_uid != geteuid() || (info.st_mode & 0077) != 0) {
    return Fail(
        "folder {} of the guest's socket is open to other users; make it private with chmod 700, "
        "or "
        "choose another",
        folder);
  }
  return {};
}

}  // namespace

Result<UniqueFd> ListenPrivately(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Fail("socket path {} is longer than {} bytes; choose a shorter folder", path,
                sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  INRO_TRY(PrepareFolder(path));

  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return FailErrno("make a socket");
  // Decides the mode of the file that bind() makes: no moment in which others could connect.
  if (fchmod(socket.get(), 0600) != 0) return FailErrno("set the mode of socket {}", path);
  int bound = bind(socket.get(), name, sizeof address);
  if (bound != 0 && errno == EADDRINUSE) {
    UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect(probe.get(), name, sizeof address) == 0 || errno != ECONNREFUSED) {
      return Fail("{} is in use", path);
    }
    unlink(path.c_str());
    bound = bind(socket.get(), name, sizeof address);
  }
  if (bound != 0) return FailErrno("bind socket {}", path);
  if (chmod(path.c_str(), 0600) != 0) return FailErrno("set the mode of socket {}", path);
  if (listen(socket.get(), SOMAXCONN) != 0) return FailErrno("listen at {}", path);
  return socket;
}

Result<HybridListener> HybridListener::Create(const std::string& path) {
  INRO_ASSIGN(UniqueFd socket, ListenPrivately(path));
  return HybridListener(std::move(socket), path);
}

HybridListener::HybridListener(UniqueFd socket, std::string path)
    : socket_(std::move(socket)),
      reserve_(open("/dev/null", O_RDONLY | O_CLOEXEC)),
      path_(std::move(path)) {}

HybridListener::~HybridListener() {
  if (socket_) unlink(path_.c_str());
}

UniqueFd HybridListener::Accept(bool& refused) {
  refused = false;
  UniqueFd fd(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd || (errno != EMFILE && errno != ENFILE)) return fd;
  reserve_.reset();
  const UniqueFd dropped(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  refused = true;
  reserve_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return UniqueFd();
}

}  // namespace inro::vmm
