// Any bytes as a record of /dev/kmsg.
#include <cstddef>
#include <cstdint>

#include "guest/logs/kmsg_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  inro::guest::logs::KernelRecord record;
  inro::guest::logs::ParseKernelRecord({reinterpret_cast<const char*>(data), size}, record);
  return 0;
}
