// The command line: reads it, runs a verb, prints an error once.
#pragma once

#include <string>
#include <vector>

namespace inro::cli {

// The whole program. Gives the exit code: 0 done, 1 tried and failed, 2 bad usage or input, 130
// interrupted.
int RunCli(int argc, char** argv);

// The help text of a verb; of the whole program when `verb` is empty.
std::string HelpText(const std::string& verb);

}  // namespace inro::cli
