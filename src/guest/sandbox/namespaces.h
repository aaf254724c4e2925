// Namespaces that several processes of a unit, or several units, share.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::guest::sandbox {

enum class SharedNamespace { kNetwork, kIpc };

// A new namespace, alive as long as the descriptor or a process in it. A network has its loopback
// interface up. The caller must be single-threaded; it stands still for as long as the kernel takes
// to make one.
Result<UniqueFd> MakeNamespace(SharedNamespace kind);

// Takes the process into the namespace that `fd` or the file at `path` stands for.
Result<> EnterNamespace(int fd, SharedNamespace kind);
Result<> EnterNamespace(const std::string& path, SharedNamespace kind);

// Takes the process into a user namespace in which root, `uid` and `gid` are themselves and
// everybody else is nobody (PrivateUsers=). Forks once, and waits for that.
Result<> EnterUserNamespace(uid_t uid, gid_t gid);

}  // namespace inro::guest::sandbox
