// Charts as inline SVG. Colours come from CSS variables of the page, so one drawing serves light
// and dark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compare/result.h"

namespace inro::report {

struct Bar {
  std::string label;
  double value = 0;
  std::string text;  // printed at the end of the bar
};

// "&", "<", ">" and quotes escaped for HTML and SVG text.
std::string Escaped(std::string_view text);

// Horizontal bars on a scale that starts at zero.
std::string BarChart(std::string_view title, const std::vector<Bar>& bars);

// One lane a guest with its events, and below it one bar a unit, on a common axis of milliseconds
// since QEMU was executed.
std::string BootTimeline(const std::vector<compare::GuestResult>& guests);

}  // namespace inro::report
