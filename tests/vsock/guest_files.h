// The kernel and the initrd of the guest in which the vsock device is tried
// (tests/boot/guest_vsock).
#pragma once

#include <string>

#include "base/result.h"

namespace inro::vsock_guest {

struct GuestFiles {
  std::string kernel;
  std::string initrd;
};

// Writes both into `folder`: the kernel package of images/debian, from the cache or the archive,
// and an initrd of the guest program and the modules that vsock needs.
Result<GuestFiles> MakeGuestFiles(const std::string& folder);

}  // namespace inro::vsock_guest
