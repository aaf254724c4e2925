// Follows a boot on the console: which steps were reached and when, and what went wrong.
//
// Steps and faults are two tables (boot_watch.cc). A step counts as passed as well when a later one
// was seen: a quiet console shows only some of them.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/guest/console.h"

namespace inro::vmm {

// In the order of a boot.
enum class BootStep { kKernel, kInit, kRoot, kUnits, kTarget, kAgent };
inline constexpr std::size_t kBootSteps = 6;

enum class FaultKind {
  kPanic,  // the kernel gave up
  kOops,   // the kernel hit a bug of its own
  kOutOfMemory,
  kFailedUnit,  // PID 1 says that a unit failed
  kCrash,       // a program died of a fault
  kStorage,     // a file system or disk error
  kStall,       // the kernel found itself late; on a loaded host without KVM it often means nothing
};
std::string_view Word(FaultKind kind);

struct BootFault {
  FaultKind kind = FaultKind::kPanic;
  std::string line;
  std::optional<std::chrono::microseconds> uptime;
};

// One row of the step table.
struct BootStepRow {
  BootStep step = BootStep::kKernel;
  std::string_view name;                     // "the kernel started"
  std::array<std::string_view, 4> patterns;  // a line that starts with or holds one (see .cc)
};
std::span<const BootStepRow> BootStepRows();

// Not thread-safe.
class BootWatch {
 public:
  using Clock = std::chrono::steady_clock;
  struct Reached {
    Clock::time_point seen;                           // on the host, when the line was read
    std::optional<std::chrono::microseconds> uptime;  // in the guest, since the kernel's start
  };

  // `start` is the time that elapsed times count from: exec of QEMU.
  explicit BootWatch(Clock::time_point start) : start_(start) {}

  // The next bytes of the console, read at `now`.
  void Feed(std::string_view bytes, Clock::time_point now);
  // A step that is not seen on the console: the agent answered.
  void Mark(BootStep step, Clock::time_point now);

  // Nothing when the step's own line was not seen (it may still be passed).
  const std::optional<Reached>& reached(BootStep step) const;
  // The first step that was not passed; nothing after the last.
  std::optional<BootStep> missing() const;

  // All faults seen, at most 100. Stalls are in it too.
  const std::vector<BootFault>& faults() const { return faults_; }
  // The first one after which the guest cannot come up: a panic. Null: none.
  const BootFault* fatal() const;
  // The first one that a boot test fails on: any but a stall. Null: none.
  const BootFault* first_serious() const;
  // A processor of the guest made no step for tens of seconds. QEMU 7.2 without KVM can do that to
  // a guest with several processors: a processor goes on with the translation of code that another
  // one has patched meanwhile. One more boot shows whether it was that.
  bool stood_still() const;

  // The last lines of the console, oldest first, at most `count` (and 200).
  std::vector<std::string> LastLines(std::size_t count) const;

  // For a person: what was reached and when, what is missing, the faults, the last lines.
  std::string Explain(std::size_t lines) const;

 private:
  void Look(const ConsoleLine& line, Clock::time_point now);

  Clock::time_point start_;
  ConsoleParser parser_;
  std::array<std::optional<Reached>, kBootSteps> reached_;
  std::vector<BootFault> faults_;
  std::deque<std::string> last_;
};

// Reads what was appended to a console log since the last call.
class ConsoleTail {
 public:
  explicit ConsoleTail(std::string path) : path_(std::move(path)) {}
  // Empty when there is nothing new, or no file yet.
  std::string Read();

 private:
  std::string path_;
  std::size_t offset_ = 0;
};

}  // namespace inro::vmm
