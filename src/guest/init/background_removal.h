// Folders that go, however much is in them, while PID 1 goes on.
#pragma once

#include <string>

namespace inro::guest {

// The folder is gone from its place when this returns. What is small is removed at once; the rest
// of something large is removed by a child, for which nobody waits. Links are not followed.
void RemoveSoon(const std::string& path);

}  // namespace inro::guest
