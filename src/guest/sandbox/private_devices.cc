#include "guest/sandbox/private_devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "guest/sandbox/mount_call.h"

namespace inro::guest::sandbox {
namespace {

struct Node {
  const char* name;
  unsigned major, minor;
};
constexpr Node kNodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                           {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
constexpr const char* kShared[] = {"pts", "shm", "mqueue", "hugepages"};
constexpr std::pair<const char*, const char*> kLinks[] = {
    {"ptmx", "pts/ptmx"},          {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"}};
constexpr const char* kLogSocket = "/run/systemd/journal/dev-log";

}  // namespace

Result<PrivateDevices> PrivateDevices::Prepare() {
  PrivateDevices devices;
  for (const char* name : kShared) {
    // What this system does not have, the service does not get.
    if (auto tree = CloneTree(std::string("/dev/") + name, true)) {
      devices.shared_.push_back({name, std::move(*tree), true});
    }
  }
  for (const Node& node : kNodes) {
    if (auto tree = CloneTree(std::string("/dev/") + node.name, false)) {
      devices.shared_.push_back({node.name, std::move(*tree), false});
    }
  }
  return devices;
}

Result<> PrivateDevices::Attach(const std::string& path) {
  INRO_ASSIGN(const UniqueFd dev, MakeFileSystem("tmpfs", "mode=0755,size=4m,nosuid,strictatime"));
  const int fd = dev.get();
  for (const auto& [name, target] : kLinks) {
    if (::symlinkat(target, fd, name) != 0) return FailErrno("link {}", name);
  }
  struct stat info{};
  // Where syslog(3) finds the collector.
  if (::stat("/dev/log", &info) == 0 || ::stat(kLogSocket, &info) == 0) {
    static_cast<void>(::symlinkat(kLogSocket, fd, "log") == 0);
  }
  for (const Node& node : kNodes) {
    if (::mknodat(fd, node.name, S_IFCHR | 0666, makedev(node.major, node.minor)) == 0) {
      std::erase_if(shared_, [&](const Shared& shared) { return shared.name == node.name; });
    } else if (::mknodat(fd, node.name, S_IFREG | 0444, 0) != 0) {
      return FailErrno("make {}", node.name);  // else the system's own is put on it
    }
  }
  for (const Shared& shared : shared_) {
    if (shared.directory && ::mkdirat(fd, shared.name.c_str(), 0755) != 0) {
      return FailErrno("make {}", shared.name);
    }
  }
  INRO_TRY(AttachTree(fd, path));
  for (const Shared& shared : shared_) {
    INRO_TRY(AttachTree(shared.tree.get(), path + "/" + shared.name));
  }
  return SetMountAttributes(path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, 0);
}

}  // namespace inro::guest::sandbox
