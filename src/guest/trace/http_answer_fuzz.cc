#include <cstdint>

#include "guest/trace/http_answer.h"

// The first byte says where the answer is cut in two.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t cut = bytes.empty() ? 0 : data[0] % bytes.size();
  inro::guest::trace::HttpAnswer answer;
  answer.Take(bytes.substr(0, cut));
  if (answer.Take(bytes.substr(cut)) == inro::guest::trace::HttpAnswer::State::kDone) {
    if (answer.status() < 200 || answer.status() > 599) __builtin_trap();
  }
  return 0;
}
