#include <cstdint>

#include "vmm/host/trace_json.h"
#include "vmm/host/trace_stream.h"

// HTTP requests with protobuf and JSON bodies, and frames of Kata's agent. The first byte says
// where the bytes are cut in two. What was taken must survive its JSON form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t cut = bytes.empty() ? 0 : data[0] % bytes.size();
  inro::vmm::TraceStream stream([](const inro::protocol::ExportTraceRequest& request) {
    if (!inro::vmm::ParseTraceJson(inro::vmm::TraceJson(request))) __builtin_trap();
    return true;
  });
  stream.Feed(bytes.substr(0, cut));
  stream.Feed(bytes.substr(cut));
  return 0;
}
