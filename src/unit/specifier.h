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
  std::string architecture = {};      // as ConditionArchitecture= names it: "x86-64"
  std::string pretty_host_name = {};  // else the host name
  // Of os-release(5); a field that is absent there is empty text once `os_known`.
  bool os_known = false;
  std::string os_id = {}, os_version_id = {}, os_build_id = {}, os_variant_id = {};
  std::string image_id = {}, image_version = {};
};

// Fills in what os-release(5) says.
void SetOsRelease(SystemFacts& facts, std::string_view os_release);

// `unit_name` is the full name of the unit ("foo@bar.service"), `fragment` the path of its file. An
// error names the specifier that is not known. Specifiers of the user (%u, %h, ...) are root's, who
// runs the manager; User= does not change them.
Result<std::string> ExpandSpecifiers(std::string_view text, std::string_view unit_name,
                                     const SystemFacts& facts = {}, std::string_view fragment = "");

}  // namespace inro::unit
