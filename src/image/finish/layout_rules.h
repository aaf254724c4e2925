// Rules about the shape of the root: merged /usr, device nodes, and the files that every guest must
// or must not have.
#pragma once

#include "image/finish/rule.h"

namespace inro::image {

// /bin, /sbin, /lib and /lib64 become links into /usr; what lies in them moves there.
Result<> ApplyMergedUsr(RuleContext& context);
// /dev/console and /dev/null: the kernel does not mount devtmpfs for a disk's root.
Result<> ApplyDeviceNodes(RuleContext& context);
// An empty regular /etc/resolv.conf: agents bind-mount the sandbox's over it.
Result<> ApplyResolvConf(RuleContext& context);
// An empty /etc/machine-id, mode 0444: systemd then neither takes the first-boot path nor keeps an
// id.
Result<> ApplyMachineId(RuleContext& context);
// /etc/os-release as a link when only /usr/lib/os-release is there.
Result<> ApplyOsRelease(RuleContext& context);

// Host keys, seeds and the like: made at boot, never in an artifact.
Result<> RemoveSecrets(RuleContext& context);
// What belongs to one run of a system: /run, /tmp, logs, caches.
Result<> EmptyVolatile(RuleContext& context);
// The prune globs of the options.
Result<> ApplyPrune(RuleContext& context);
// Setuid and setgid bits of programs, unless the definition declares users: then nobody but root
// and services can be there to use them, and a service that gets root by them is a hole.
Result<> ClearSetIdBits(RuleContext& context);
// Copyright files with the same text become links to the first of them.
Result<> ShareCopyrights(RuleContext& context);

}  // namespace inro::image
