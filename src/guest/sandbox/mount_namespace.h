// Makes a mount plan real, for the calling process and what it becomes.
#pragma once

#include "base/result.h"
#include "guest/sandbox/mount_plan.h"

namespace inro::guest::sandbox {

// Takes the process into a mount namespace of its own and mounts as planned. Where the plan has a
// root, the process is in it afterwards. Needs CAP_SYS_ADMIN and a kernel from 5.12; the process is
// of no use after an error. Blocks as long as mounting takes.
Result<> EnterMountNamespace(const MountPlan& plan);

}  // namespace inro::guest::sandbox
