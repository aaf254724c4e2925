#include "guest/init/hypervisor.h"

#if defined(__x86_64__)
#include <cpuid.h>

#include <cstring>
#include <utility>
#endif

namespace inro::guest {

std::string_view Hypervisor() {
#if defined(__x86_64__)
  unsigned leaf = 0;
  char name[13] = {};
  unsigned words[3] = {};
  __cpuid(0x40000000U, leaf, words[0], words[1], words[2]);
  std::memcpy(name, words, 12);
  for (const auto& [vendor, word] :
       {std::pair<std::string_view, std::string_view>("KVMKVMKVM", "kvm"),
        {"TCGTCGTCGTCG", "qemu"},
        {"Microsoft Hv", "microsoft"},
        {"VMwareVMware", "vmware"},
        {"XenVMMXenVMM", "xen"}}) {
    if (vendor == name) return word;
  }
#endif
  return "vm-other";
}

}  // namespace inro::guest
