#include <cstdlib>

#include "wire/ttrpc.h"

// What was decoded once encodes to bytes that decode to the same.
template <class Envelope>
static void RoundTrip(std::string_view bytes) {
  Envelope first;
  if (!inro::wire::Decode(bytes, first)) return;
  const std::string again = inro::wire::Encode(first);
  Envelope second;
  if (!inro::wire::Decode(again, second) || inro::wire::Encode(second) != again) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RoundTrip<inro::wire::Request>(bytes);
  RoundTrip<inro::wire::Response>(bytes);
  return 0;
}
