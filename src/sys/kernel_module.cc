#include "sys/kernel_module.h"

#include <fcntl.h>
#include <linux/module.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace inro::sys {

int LoadKernelModule(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno;
  const int flags = path.ends_with(".ko") ? 0 : MODULE_INIT_COMPRESSED_FILE;
  return ::syscall(SYS_finit_module, fd.get(), "", flags) == 0 ? 0 : errno;
}

}  // namespace inro::sys
