// A comparison as one HTML page that stands alone: table, charts and boot timeline, light and dark.
#pragma once

#include <string>

#include "compare/result.h"

namespace inro::report {

std::string HtmlReport(const compare::Comparison& comparison);

}  // namespace inro::report
