// A guest that another process started: what it is, how it is, and its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/guest/guest_record.h"
#include "vmm/guest/power_off.h"
#include "vmm/guest/qmp.h"

namespace inro::vmm {

// kStarting: its agent has not answered yet. kPaused: its processors stand still (QMP stop).
enum class GuestCondition { kStarting, kRunning, kPaused };
std::string_view Word(GuestCondition condition);

struct GuestListing {
  GuestRecord record;
  GuestCondition condition = GuestCondition::kStarting;
  std::chrono::seconds uptime{};
  std::string socket;              // the hybrid one
  std::uint64_t resident_kib = 0;  // of QEMU on the host, the guest's touched memory included
};

// All guests of this user that run, by name. Removes the folders of those whose supervisor is dead;
// `swept` (may be nullptr) is how many. Asks each guest's monitor, a fraction of a second at most.
std::vector<GuestListing> ListGuests(int* swept = nullptr);

// One of them, held: when it ends, Wait tells, also if another takes its name meanwhile.
class RunningGuest {
 public:
  // kBadInput, with the names that run, when none has the name.
  static Result<RunningGuest> Open(const std::string& name);

  const GuestRecord& record() const { return record_; }
  const RunPaths& paths() const { return paths_; }
  // Whether it ended within the time.
  Result<bool> Wait(std::chrono::milliseconds limit);
  // Asks the agent (`options.ask_agent`), then ACPI, then QMP's quit, then kills. The guest and its
  // folder are gone afterwards.
  Result<PowerOffWay> Stop(const PowerOffOptions& options);
  // At once.
  Result<> Kill();

 private:
  RunningGuest(RunPaths paths, GuestRecord record, UniqueFd supervisor)
      : paths_(std::move(paths)), record_(std::move(record)), supervisor_(std::move(supervisor)) {}

  RunPaths paths_;
  GuestRecord record_;
  UniqueFd supervisor_;  // a pidfd
  std::optional<Qmp> qmp_;
};

}  // namespace inro::vmm
