// Records of /dev/kmsg, as the kernel's documentation (ABI/testing/dev-kmsg) gives them:
// "PRIORITY,NUMBER,MICROSECONDS,FLAGS[,...];TEXT\n", then lines " KEY=VALUE\n".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inro::guest::logs {

struct KernelRecord {
  std::uint64_t number = 0;  // the kernel's own count; a gap means lost records
  std::uint64_t monotonic_us = 0;
  std::uint8_t priority = 6;
  bool from_kernel = true;  // false: a process wrote it
  std::uint32_t pid = 0;    // of such a process, when the text begins with "NAME[PID]: "
  std::string identifier;   // "kernel", or the process's own name for itself; may be empty
  std::string text;         // unescaped
  std::string device;       // of DEVICE=, "+pci:0000:00:01.0"; empty: none
};

// False when the bytes are no such record.
bool ParseKernelRecord(std::string_view bytes, KernelRecord& record);

}  // namespace inro::guest::logs
