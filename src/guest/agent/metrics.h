// GetMetrics: the guest and the agent in numbers, as Prometheus text.
#pragma once

#include <cstdint>
#include <string>

namespace inro::guest::agent {

// Reads below `proc` (/proc). What cannot be read is left out. `scrapes` is how often this was
// asked before.
std::string ReadMetrics(const std::string& proc, std::uint64_t scrapes);

}  // namespace inro::guest::agent
