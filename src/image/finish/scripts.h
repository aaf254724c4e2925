// Classifies maintainer scripts that were not run: covered by rules, harmless, or not run.
#pragma once

#include "image/finish/finish.h"

namespace inro::image {

// Fills `report.scripts` and `report.units_left_disabled`.
void ClassifyScripts(const SourceTree& source, const FinishOptions& options, FinishReport& report);

// The verdict on one script, by its table row or by its content.
ScriptReport ClassifyScript(const MaintainerScript& script, const FinishOptions& options,
                            const Tree& tree, std::vector<std::string>& units_left_disabled);

}  // namespace inro::image
