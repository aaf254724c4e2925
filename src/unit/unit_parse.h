// Parsers of the rows of systemd.unit(5). Private to the directive table.
#pragma once

#include "unit/directive_parse.h"

namespace inro::unit::parse {

void ConditionRow(DirectiveContext& context);  // the row's argument is a ConditionKind
void MountPaths(DirectiveContext& context);
void DefaultInstance(DirectiveContext& context);

}  // namespace inro::unit::parse
