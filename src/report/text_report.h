// A comparison as text: for the terminal and as Markdown.
#pragma once

#include <string>

#include "compare/result.h"

namespace inro::report {

// Aligned columns, then the evidence of each cell. `colour`: ANSI colours for yes and no.
std::string TerminalReport(const compare::Comparison& comparison, bool colour);

// Two Markdown tables (features, measures) and the evidence as a list.
std::string MarkdownReport(const compare::Comparison& comparison);

}  // namespace inro::report
