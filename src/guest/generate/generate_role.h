// Role `generate`: a systemd generator (systemd.generator(7)), run by either init before the first
// unit: `inro-generate NORMAL-DIR [EARLY-DIR LATE-DIR]`. Units go to the first folder.
#pragma once

#include <string>

#include "base/result.h"
#include "guest/generate/generator.h"

namespace inro::guest::generate {

// The role's main function; returns its exit code. A topic that fails is said on standard error and
// does not keep the others from running.
int RunGenerate(int argc, char** argv);

// Runs every topic; the first error is returned when all have run.
Result<> RunTopics(const Guest& guest, Output& output);

}  // namespace inro::guest::generate
