// The mount system calls that a sandbox needs, as values.
#pragma once

#include <linux/mount.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

// mount(2)'s own flags, whose header does not go together with the kernel's.
#ifndef MS_SLAVE
#define MS_SLAVE (1UL << 19)
#endif

namespace inro::guest::sandbox {

// A copy of what is mounted at `path`, not attached anywhere.
Result<UniqueFd> CloneTree(const std::string& path, bool recursive);
Result<> AttachTree(int tree, const std::string& path);
// A new file system with options as mount(8) takes them: "nosuid", ... and its own. Detached.
Result<UniqueFd> MakeFileSystem(const std::string& type, const std::string& options);
Result<> MountFileSystem(const std::string& type, const std::string& path,
                         const std::string& options);
// Of the mount at `path` alone. MOUNT_ATTR_*.
Result<> SetMountAttributes(const std::string& path, std::uint64_t set, std::uint64_t clear);
// Of all mounts at and below. MS_SHARED, MS_SLAVE, MS_PRIVATE.
Result<> SetPropagation(const std::string& path, unsigned long propagation);
// Makes a mount point the root of this process, and of its namespace where the kernel allows it.
Result<> ChangeRoot(const std::string& path);

}  // namespace inro::guest::sandbox
