// Mount units (systemd.mount(5)), mounted and unmounted in a child: a file system may take its
// time.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "guest/init/kernel_log.h"
#include "unit/unit.h"

namespace inro::guest {

// mount(2)'s flags of the words in `options`, and the words that are left for the file system.
struct MountOptions {
  unsigned long flags = 0;
  unsigned long propagation = 0;  // private, shared, slave, unbindable
  std::string data;
};
// Words for userspace only (noauto, nofail, _netdev, x-...) are left out.
MountOptions ParseMountOptions(std::string_view options);

// Does the whole work in the calling process: folder, mount, propagation. `what` may be "UUID=" and
// its kin only where /dev/disk has links for them.
Result<> MountNow(const unit::MountSettings& mount);
Result<> UnmountNow(const unit::MountSettings& mount);

// The same in a child whose exit status says how it went; what failed is logged.
// 0 when there is nothing to do.
Result<pid_t> BeginMount(const unit::MountSettings& mount, KernelLog& log);
Result<pid_t> BeginUnmount(const unit::MountSettings& mount, KernelLog& log);

}  // namespace inro::guest
