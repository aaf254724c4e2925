// The console of a guest is bytes that the guest chooses.
#include <cstdint>
#include <cstdlib>

#include "vmm/guest/boot_watch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using inro::vmm::BootWatch;
  const auto start = BootWatch::Clock::time_point();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  BootWatch whole(start);
  BootWatch pieces(start);
  whole.Feed(bytes, start);
  for (std::size_t at = 0; at < size; at += 3) pieces.Feed(bytes.substr(at, 3), start);
  // How the bytes are cut must not matter.
  if (whole.Explain(1000) != pieces.Explain(1000)) std::abort();
  for (const std::string& line : whole.LastLines(1000)) {
    if (line.size() > inro::vmm::kConsoleLineLimit) std::abort();
  }
  return 0;
}
