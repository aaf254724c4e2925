// The grammar of unit files (systemd.syntax(7)): sections, assignments, comments, continuation
// lines. Knows nothing of what the directives mean.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "unit/finding.h"

namespace inro::unit {

inline constexpr std::size_t kMaxUnitFileBytes = 1 << 20;
inline constexpr std::size_t kMaxLineBytes = 64 << 10;  // a logical line, continuations joined

struct Assignment {
  std::string section;
  std::string name;
  std::string value;  // trimmed; empty resets what was assigned before
  int line = 0;       // of its first physical line, from 1
};

struct UnitSyntax {
  std::vector<Assignment> assignments;
  std::optional<Error> error;  // what ended the reading before the end of the file
};

// The assignments of one file in order. A line that is neither is a warning in `findings` and is
// left out; a NUL byte ends a line, as in systemd. A section header without its bracket, a line
// that is too long or a file that is too large is an error (file and line named): what stands
// before it has been read.
UnitSyntax ReadUnitSyntax(std::string_view text, const std::string& file, Findings& findings);

// The same for a file that is to be used whole or not at all.
Result<std::vector<Assignment>> ParseUnitSyntax(std::string_view text, const std::string& file,
                                                Findings& findings);

}  // namespace inro::unit
