// What this machine runs on, in the words of systemd-detect-virt(1).
#pragma once

#include <string_view>

namespace inro::guest {

// "kvm", "qemu" (without KVM), "microsoft", "vmware", "xen"; "vm-other" for what is not known.
std::string_view Hypervisor();

}  // namespace inro::guest
