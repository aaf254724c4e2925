#include <cstddef>
#include <cstdint>

#include "image/finish/accounts.h"
#include "image/finish/alternatives.h"
#include "image/finish/shell_commands.h"
#include "image/finish/sysusers.h"
#include "image/finish/tmpfiles.h"
#include "image/finish/units.h"

namespace {

// Enables a unit of that text, which is all there is in the tree.
bool EnableAlone(std::string_view text) {
  inro::image::SourceTree source;
  static_cast<void>(source.tree.Put("usr/lib/systemd/system/fuzz.service",
                                    inro::image::MakeFile(std::string(text))));
  inro::image::FinishOptions options;
  options.enabled_units = {"fuzz.service"};
  inro::image::FinishReport report;
  inro::image::RuleContext context(source, options, report);
  context.Enter("units");
  return inro::image::ApplyUnitEnablement(context).has_value();
}

}  // namespace

// The first byte chooses the parser.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      for (const auto& command : inro::image::FirstInstallCommands(text, "postinst")) {
        (void)inro::image::ParseAdduser(command.words);
        (void)inro::image::ParseUpdateAlternatives(command.words);
      }
      break;
    case 1:
      (void)EnableAlone(text);
      break;
    case 2:
      (void)inro::image::ParseSysusers(text, "fuzz");
      break;
    case 3:
      (void)inro::image::ParseTmpfiles(text, "fuzz");
      break;
    default:
      (void)inro::image::Accounts::Parse(text, text, text, text);
      break;
  }
  return 0;
}
