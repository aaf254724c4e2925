// Comparisons in the values of conditions (systemd.unit(5)): versions, numbers, os-release(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inro::guest {

enum class Comparison { kNone, kLess, kLessEqual, kEqual, kNotEqual, kGreaterEqual, kGreater };

// Takes the operator at the front of `text` off; kNone when there is none.
Comparison TakeComparison(std::string_view& text);

// Version format of the UAPI group: numbers by value, letters by the alphabet, "~" before the end
// of the text. Below 0, 0 or above 0.
int CompareVersions(std::string_view a, std::string_view b);

// Whether `order` (of CompareVersions' kind) fits.
bool Fits(int order, Comparison comparison);

// ConditionKernelVersion=: all words fit: each an operator with a version, or a pattern of glob(7).
bool MatchesKernelVersion(std::string_view release, std::string_view value);

// ConditionMemory=, ConditionCPUs=: an operator (">=" when there is none) and a number, which may
// have a suffix K, M, G, T.
bool MatchesAmount(std::uint64_t amount, std::string_view value);

// ConditionOSRelease=: words FIELD=VALUE, FIELD!=VALUE, and FIELD<VALUE and its kin as versions.
bool MatchesOsRelease(std::string_view os_release, std::string_view value);

// ConditionCPUPressure= and its kin: "[SLICE:]SHARE[/INTERVAL]" against the text of a pressure file
// (without its slice): true when tasks wait at most for that share of the time.
bool MatchesPressure(std::string_view pressure, std::string_view value);

}  // namespace inro::guest
