#include <cstdlib>

#include "wire/hybrid.h"

// A port that was read is a port that can be written.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace inro::wire;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  if (const auto port = ParseHybridRequest(line)) {
    std::string again = HybridRequest(*port);
    again.pop_back();
    if (ParseHybridRequest(again) != port) std::abort();
  }
  if (const auto port = ParseHybridReply(line)) {
    std::string again = HybridReply(*port);
    again.pop_back();
    if (ParseHybridReply(again) != port) std::abort();
  }
  return 0;
}
