// Stage 1: from what the kernel gives to the root that services see, before there is any other
// process (moving the root changes it for the caller only).
//
// The three bodies, and what becomes of each:
//   nested initrd  rootfs holds /root.erofs -> loop device, EROFS mounted read-only
//   flat initrd    rootfs itself            -> bound onto itself; it lies in memory, so that an
//                                              overlay would only cost
//   image          the kernel mounted a disk read-only
// Over a read-only body comes an overlay whose upper half is a tmpfs (unless overlay = no: then the
// body stays read-only, and so is a flat initrd's). `/` ends up as a mount with a parent, so that
// pivot_root(2) works in all forms; /proc, /sys and /dev are carried over. In an initrd the files
// that the kernel unpacked and nobody needs any more are removed.
#pragma once

#include "base/result.h"
#include "guest/init/boot_conf.h"
#include "guest/init/boot_steps.h"
#include "guest/init/kernel_log.h"
#include "guest/init/module_loader.h"
#include "sys/mounts.h"

namespace inro::guest {

enum class Body { kNested, kFlat, kImage };

struct RootSwitch {
  sys::Mounts& mounts;
  ModuleLoader& modules;
  KernelLog& log;
  BootSteps& steps;
};

// What the kernel started us from: the type of "/" and whether the nested body is there.
Body DetectBody();

// Early mounts must be there. Errors are fatal for the boot: there is no root.
Result<> SwitchRoot(RootSwitch& context, Body body, const BootConf& conf);

}  // namespace inro::guest
