// What reading unit files found: errors, warnings, and directives that this init does not enforce.
#pragma once

#include <string>
#include <vector>

namespace inro::unit {

enum class FindingKind {
  kError,        // the unit or the directive cannot be used
  kWarning,      // ignored, and the boot goes on
  kNotEnforced,  // a known directive that init = inro reads but does not enforce
  kUnknown,      // no such directive
};

struct Finding {
  FindingKind kind = FindingKind::kError;
  std::string file;
  int line = 0;  // 0: about the whole file
  std::string message;
};

// "FILE:LINE: message".
std::string ToString(const Finding& finding);

using Findings = std::vector<Finding>;

}  // namespace inro::unit
