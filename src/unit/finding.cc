#include "unit/finding.h"

#include <fmt/format.h>

namespace inro::unit {

std::string ToString(const Finding& finding) {
  if (finding.file.empty()) return finding.message;
  if (finding.line == 0) return fmt::format("{}: {}", finding.file, finding.message);
  return fmt::format("{}:{}: {}", finding.file, finding.line, finding.message);
}

}  // namespace inro::unit
