// What libapt-pkg has to say.
#pragma once

#include <string>

namespace inro::image {

// Empties libapt-pkg's stack of messages; errors, else warnings, joined by "; ".
std::string TakeAptMessages();

}  // namespace inro::image
