#include "vmm/guest/machine.h"

namespace inro::vmm {

std::vector<std::string> BaseCommandLine(bool verbose) {
  std::vector<std::string> words{
      "console=ttyS0",
      "panic=-1",
  };
  if (!verbose) words.push_back("quiet");
  return words;
}

}  // namespace inro::vmm
