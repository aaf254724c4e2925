// A configuration.toml is a file of the user's, verity parameters a text inside it, and a kernel a
// file that anyone can name.
#include <cstdint>
#include <cstdlib>

#include "vmm/kata/drop_in.h"
#include "vmm/kata/kata_boot.h"
#include "vmm/kata/kata_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::vmm;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)KernelVersionText(text);
  (void)ParseVerityParams(text);
  const auto config = ParseKataConfig({{"configuration.toml", text}});
  if (!config) return 0;
  if (config->image.empty() == config->initrd.empty()) std::abort();
  (void)KataMachine(*config, 4);
  return 0;
}
