// The measured rows below the table of features: declared once for every report format.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compare/result.h"

namespace inro::report {

struct MeasureRow {
  std::string_view id;     // field of the JSON report
  std::string_view label;  // with the unit
  // The value of a guest; NaN when it was not measured.
  double (*value)(const compare::GuestResult&);
  // How a reader wants to see it, for example "2,910 (2,850-3,040, n=5)".
  std::string (*text)(const compare::GuestResult&);
  bool chart;  // drawn as bars in the HTML report
};

std::span<const MeasureRow> MeasureRows();

// "12,345"; rounds to whole numbers.
std::string Grouped(double value);
// "43.3 MB" (powers of ten).
std::string Bytes(double bytes);
// "image, systemd".
std::string GuestTitle(const compare::GuestResult& guest);

}  // namespace inro::report
