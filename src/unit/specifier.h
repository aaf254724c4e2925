// Expansion of "%" specifiers (systemd.unit(5), "Specifiers").
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::unit {

// Facts of the running system that specifiers may name; empty ones are not known (on the host, when
// an image is checked) and stay as "%m" in the text.
struct SystemFacts {
  std::string host_name;
  std::string machine_id;
  std::string boot_id;
  std::string kernel_release;
};

// `unit_name` is the full name of the unit ("foo@bar.service"). An error names the specifier that
// is not known.
Result<std::string> ExpandSpecifiers(std::string_view text, std::string_view unit_name,
                                     const SystemFacts& facts = {});

}  // namespace inro::unit
