// What this host can do for a guest: acceleration, file sizes.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "vmm/guest/machine.h"

namespace inro::vmm {

// True when a processor with these /proc/cpuinfo bytes has hardware virtualization: "vmx" or "svm"
// among the flags of its first processor. /dev/kvm alone proves nothing: it can exist and not work.
bool CpuHasVirtualization(std::string_view cpuinfo);

// kKvm where the processor has hardware virtualization and /dev/kvm opens and answers; else kTcg.
Accel DetectAccel();

// The frequency of this host's time stamp counter in kHz, measured in some 10 ms; 0 where there is
// none. A guest under TCG reads the same counter.
std::uint64_t MeasureTscKhz();

// Fills in what depends on the host: kAuto becomes kKvm or kTcg, disks get their sizes; under TCG
// the kernel is told the frequency of the guest's clock. Fails when a kernel, initrd or disk cannot
// be read (kBadInput), when KVM was asked for and does not work, or when --vsock kernel was asked
// for and /dev/vhost-vsock cannot be opened.
Result<MachineConfig> ResolveMachine(MachineConfig config);

}  // namespace inro::vmm
