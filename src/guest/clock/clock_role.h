// Role `clock`: keeps the guest's clock right by the host's (docs/time.md).
//
// Steps it once before chrony starts, then feeds chronyd, and steps again only after a jump. Its
// unit is ready once the first step is made, or there is no reference to make it by.
#pragma once

namespace inro::guest::clock {

// The role's main function; returns its exit code.
int RunClock(int argc, char** argv);

}  // namespace inro::guest::clock
