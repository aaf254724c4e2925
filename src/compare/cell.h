// From what probes and clocks saw to the cells of one guest.
#pragma once

#include <string>
#include <vector>

#include "compare/boot.h"
#include "compare/result.h"

namespace inro::compare {

// What the cells are judged by, besides the probed boot.
struct CellFacts {
  std::string source;                    // "apt, suite bookworm"
  std::string suite;                     // expected VERSION_CODENAME; empty: any distribution
  std::uint64_t guest_binary_bytes = 0;  // of inro-guest; 0 when the guest has none
  const Measures* measures = nullptr;    // for the row "small"
};

// A guest is small when it is within all of these; the evidence names them.
inline constexpr std::uint64_t kSmallBinaryBytes = 3 << 20;
inline constexpr std::uint64_t kSmallArtifactBytes = 64'000'000;  // half of Kata's 128 MiB image
inline constexpr double kSmallReadyOverFloor = 3.0;

// One cell for each of Features(), in that order.
std::vector<Cell> MakeCells(const ProbedBoot& boot, const CellFacts& facts);

}  // namespace inro::compare
