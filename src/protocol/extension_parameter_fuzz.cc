#include <cstdlib>

#include "protocol/extension_parameter.h"

// Whatever the line: names are safe, and parameters that are taken come back the same.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace inro::protocol;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  for (const ExtensionWord& word : ExtensionWords(line)) {
    if (!IsExtensionName(word.name)) std::abort();
    const auto parameters = ParseVerityParameters(word.value);
    if (!parameters) continue;
    const auto again = ParseVerityParameters(ToString(*parameters));
    if (!again || *again != *parameters) std::abort();
    if (parameters->root_hash.size() != 64 || parameters->data_bytes() == 0) std::abort();
  }
  return 0;
}
