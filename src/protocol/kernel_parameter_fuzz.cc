#include <cstdlib>

#include "protocol/kernel_parameter.h"

// Whatever the line, every parameter keeps a value of its type.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace inro::protocol;
  const KernelCommandLine line({reinterpret_cast<const char*>(data), size});
  for (const KernelParameter& parameter : KernelParameters()) {
    const std::string_view text = line.Text(parameter.name);
    const bool boolean =
        parameter.type == ParameterType::kFlag || parameter.type == ParameterType::kBool;
    if (boolean && text != "true" && text != "false") std::abort();
    if (parameter.type == ParameterType::kPort && line.Number(parameter.name) >> 31 != 0) {
      std::abort();
    }
    if (parameter.type == ParameterType::kSeconds && line.Number(parameter.name) == 0) std::abort();
  }
  return 0;
}
