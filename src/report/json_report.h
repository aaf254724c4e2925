// A comparison as JSON, schema "inro-compare/1": what scripts may rely on.
#pragma once

#include <string>

#include "compare/result.h"

namespace inro::report {

// One document, indented by two spaces, ending with a newline.
std::string JsonReport(const compare::Comparison& comparison);

}  // namespace inro::report
