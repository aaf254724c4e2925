// GetMetrics as Prometheus text: the family that measures read, made and found in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inro::protocol {

// Appends kata_guest_meminfo, a sample per line of /proc/meminfo, in bytes: the label item is the
// line's name in snake case ("mem_available").
void AppendMeminfo(std::string_view meminfo, std::string& text);

// One sample of kata_guest_meminfo in KiB, out of the whole text of GetMetrics.
std::optional<std::uint64_t> MeminfoKib(std::string_view text, std::string_view item);

}  // namespace inro::protocol
