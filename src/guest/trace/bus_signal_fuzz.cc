#include <cstdint>

#include "guest/trace/bus_signal.h"

// The first byte says where the bytes are cut in two.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t cut = bytes.empty() ? 0 : data[0] % bytes.size();
  inro::guest::trace::BusReader reader;
  std::vector<inro::guest::trace::UnitChange> changes;
  if (reader.Take(bytes.substr(0, cut), changes)) reader.Take(bytes.substr(cut), changes);
  return 0;
}
