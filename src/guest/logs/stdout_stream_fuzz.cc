// Any bytes as a service's output, in one piece and cut in two: the same lines.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "guest/logs/stdout_stream.h"

namespace logs = inro::guest::logs;

namespace {

std::string Lines(std::string_view first, std::string_view second) {
  std::string out;
  const auto line = [&](std::string_view text, std::uint8_t priority) {
    if (text.size() > logs::kMaxMessage || priority > 7) std::abort();
    out += text;
    out += '\n';
  };
  logs::StdoutStream stream;
  if (!stream.Take(first, line) || !stream.Take(second, line)) return "wrong header";
  stream.Flush(line);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t cut = data[0] % (bytes.size() + 1);
  if (Lines(bytes, "") != Lines(bytes.substr(0, cut), bytes.substr(cut))) std::abort();
  return 0;
}
