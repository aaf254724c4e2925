#include <cstddef>
#include <cstdint>

#include "image/finish/accounts.h"
#include "image/finish/alternatives.h"
#include "image/finish/shell_commands.h"
#include "image/finish/sysusers.h"
#include "image/finish/tmpfiles.h"
#include "image/finish/units.h"

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
      (void)inro::image::ParseInstallSection(text);
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
