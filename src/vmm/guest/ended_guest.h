// What is kept of detached guests that have ended: nobody was there to see why.
//
// A folder a guest, $XDG_STATE_HOME/inro/guests/NAME (without XDG_STATE_HOME: ~/.local/state), with
// its record, the end of its console and QEMU's log. A guest of the same name replaces it; the
// newest kEndedKept are kept.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "vmm/guest/guest_record.h"

namespace inro::vmm {

inline constexpr std::size_t kEndedKept = 20;
inline constexpr std::size_t kEndedLogBytes = 256 * 1024;  // of each log

// Empty when there is no home.
std::string EndedGuestsRoot();

// Copies what is worth keeping of a run's folder. `end` says how the guest ended.
Result<> KeepEndedGuest(const RunPaths& run, const std::string& end);

struct EndedGuest {
  GuestRecord record;
  std::string folder;
};
// Newest first.
std::vector<EndedGuest> EndedGuests();

}  // namespace inro::vmm
