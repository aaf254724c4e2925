#include "guest/generate/topics.h"
#include "protocol/extension_parameter.h"

namespace inro::guest::generate {

// The instances of the template kata-extension-mount@.service that the command line asks for. The
// agent requires them: its files may be in an extension.
Result<> WriteExtensionUnits(const Guest& guest, Output& output) {
  std::vector<std::string> bad;
  std::string units;
  for (const protocol::ExtensionWord& word : protocol::ExtensionWords(guest.command_line, &bad)) {
    const std::string unit = protocol::ExtensionUnit(word.name);
    INRO_TRY(output.Want("kata-containers.target", unit));
    units += " " + unit;
  }
  if (!units.empty()) {
    INRO_TRY(output.WriteUnit("kata-agent.service.d/50-extensions.conf",
                              fmt::format("[Unit]\nRequires={0}\nAfter={0}\n", units.substr(1))));
  }
  if (!bad.empty()) return Fail("{} does not name an extension", bad.front());
  return {};
}

}  // namespace inro::guest::generate
