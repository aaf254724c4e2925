#include "image/build/guest_binaries.h"

#include <cstdlib>

#include "sys/file.h"

namespace inro::image {

Result<std::string> FindGuestDir(const std::string& program) {
  const std::string folder = program.substr(0, program.rfind('/'));
  const char* chosen = std::getenv("INRO_GUEST_DIR");
  if (chosen != nullptr && *chosen != '\0') {
    if (sys::Exists(std::string(chosen) + "/inro-guest")) return std::string(chosen);
    return FailAs(ErrorKind::kBadInput, "INRO_GUEST_DIR is {}, but there is no inro-guest", chosen);
  }
  for (const std::string& candidate : {folder, folder + "/../lib/inro"}) {
    if (sys::Exists(candidate + "/inro-guest")) return candidate;
  }
  return Fail(
      "inro-guest, the program for the guest, is neither in {0} nor in {0}/../lib/inro: build it, "
      "or "
      "set INRO_GUEST_DIR",
      folder);
}

}  // namespace inro::image
