#include <cstdlib>

#include "protocol/message.h"
#include "protocol/network_message.h"
#include "protocol/sandbox_message.h"

// What was decoded once encodes to bytes that decode to the same.
template <class M>
static void RoundTrip(std::string_view bytes) {
  M first;
  if (!inro::protocol::Decode(bytes, first)) return;
  const std::string again = inro::protocol::Encode(first);
  M second;
  if (!inro::protocol::Decode(again, second)) std::abort();
  if (inro::protocol::Encode(second) != again) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace inro::protocol;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RoundTrip<CreateSandboxRequest>(bytes);
  RoundTrip<UpdateRoutesRequest>(bytes);
  RoundTrip<AddARPNeighborsRequest>(bytes);
  RoundTrip<SetIPTablesRequest>(bytes);
  RoundTrip<UpdateInterfaceRequest>(bytes);
  return 0;
}
