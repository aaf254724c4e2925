// The machine and the kernel command line that Kata's Go runtime would boot for a configuration, on
// inro's QEMU. What differs is the console: inro's machine has a serial port, as Kata's has with
// use_legacy_serial, and no virtio console.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "vmm/guest/machine.h"
#include "vmm/kata/kata_config.h"

namespace inro::vmm {

// dm-verity as Kata names it: "root_hash=..,salt=..,data_blocks=..,data_block_size=..,
// hash_block_size=..". Errors (kBadInput) name what is missing or unreadable.
struct VerityParams {
  std::string root_hash;
  std::string salt;
  std::uint64_t data_blocks = 0;
  std::uint64_t data_block_size = 0;
  std::uint64_t hash_block_size = 0;
};
Result<VerityParams> ParseVerityParams(std::string_view text);

// The words of the command line in the runtime's order: machine, root (image only), console, debug,
// systemd (image only), agent, and the user's own last, so that they win. `host_cpus` stands for a
// default_maxvcpus of 0. A word may hold a space where Kata's does (rootflags).
Result<std::vector<std::string>> KataCommandLine(const KataConfig& config, unsigned host_cpus);

// Kernel, image or initrd, memory and CPUs, and the command line.
Result<MachineConfig> KataMachine(const KataConfig& config, unsigned host_cpus);

}  // namespace inro::vmm
