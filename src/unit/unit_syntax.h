// The grammar of unit files (systemd.syntax(7)): sections, assignments, comments, continuation
// lines. Knows nothing of what the directives mean.
#pragma once

#include <cstddef>
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

// The assignments of one file in order. A line that is neither is a warning in `findings` and is
// left out. An error (file and line named) when the file is too large, has a line that is too long,
// or holds a NUL byte: such a file must not be used at all.
Result<std::vector<Assignment>> ParseUnitSyntax(std::string_view text, const std::string& file,
                                                Findings& findings);

}  // namespace inro::unit
