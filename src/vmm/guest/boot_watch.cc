#include "vmm/guest/boot_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace inro::vmm {
namespace {

// Patterns are plain text; one that starts with '^' must be at the start of the line. What PID 1 of
// inro writes to /dev/kmsg starts with "inro-init: "; systemd's status lines start with "[  OK  ]"
// on the console and with "systemd[1]: " in the kernel's log.
constexpr std::array<BootStepRow, kBootSteps> kSteps{{
    {BootStep::kKernel, "the kernel started", {"^Linux version ", "^Command line: "}},
    {BootStep::kInit,
     "init started",
     {"^Run /", "^inro-init: started", "^systemd[1]: systemd ", "^inro-floor: started"}},
    {BootStep::kRoot,
     "the root is mounted",
     {"^inro-init: root mounted", "^VFS: Mounted root", "^systemd[1]: Hostname set"}},
    {BootStep::kUnits,
     "units are started",
     {"^inro-init: starting ", "^inro-init: started unit", "^[  OK  ] ", "^systemd[1]: Queued "}},
    {BootStep::kTarget,
     "kata-containers.target is reached",
     {"^inro-init: reached kata-containers.target", "^systemd[1]: Reached target kata-containers",
      "^[  OK  ] Reached target kata-containers"}},
    {BootStep::kAgent, "the agent answered", {}},
}};

struct FaultRow {
  FaultKind kind;
  std::string_view pattern;
};

constexpr std::array<FaultRow, 30> kFaults{{
    {FaultKind::kPanic, "^Kernel panic - not syncing"},
    {FaultKind::kPanic, "^Attempted to kill init"},
    {FaultKind::kPanic, "^Initramfs unpacking failed"},
    {FaultKind::kPanic, "^No working init found"},
    {FaultKind::kPanic, "^VFS: Cannot open root device"},
    {FaultKind::kPanic, "^systemd[1]: Freezing execution"},
    {FaultKind::kPanic, "^[!!!!!!] "},
    {FaultKind::kStall, "BUG: soft lockup"},  // before the row for "BUG: "
    {FaultKind::kOops, "^BUG: "},
    {FaultKind::kOops, "^Oops: "},
    {FaultKind::kOops, "^kernel BUG at "},
    {FaultKind::kOops, "^general protection fault"},
    {FaultKind::kOops, "^invalid opcode: "},
    {FaultKind::kOops, "^stack segment: "},
    {FaultKind::kOops, "^WARNING: CPU: "},
    {FaultKind::kOops, "^Kernel stack is corrupted"},
    {FaultKind::kOutOfMemory, "^Out of memory: "},
    {FaultKind::kOutOfMemory, " invoked oom-killer: "},
    {FaultKind::kOutOfMemory, "^Memory cgroup out of memory"},
    {FaultKind::kFailedUnit, "^systemd[1]: Failed to start "},
    {FaultKind::kFailedUnit, "^[FAILED] "},
    {FaultKind::kFailedUnit, "^[DEPEND] "},
    {FaultKind::kFailedUnit, "^inro-init: failed unit "},
    {FaultKind::kCrash, "]: segfault at "},
    {FaultKind::kCrash, "] general protection fault "},
    {FaultKind::kCrash, "] trap invalid opcode "},
    {FaultKind::kStorage, "^EXT4-fs error "},
    {FaultKind::kStorage, "^I/O error, dev "},
    {FaultKind::kStall, "detected stalls on CPUs/tasks"},
    {FaultKind::kStall, "self-detected stall on CPU"},
}};

constexpr std::size_t kLastLines = 200;
constexpr std::size_t kFaultLimit = 100;

bool Matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return false;
  if (pattern.front() == '^') return text.starts_with(pattern.substr(1));
  return text.find(pattern) != std::string_view::npos;
}

constexpr std::size_t Index(BootStep step) { return static_cast<std::size_t>(step); }

std::int64_t Milliseconds(BootWatch::Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

std::string_view Word(FaultKind kind) {
  switch (kind) {
    case FaultKind::kPanic:
      return "panic";
    case FaultKind::kOops:
      return "oops";
    case FaultKind::kOutOfMemory:
      return "out of memory";
    case FaultKind::kFailedUnit:
      return "failed unit";
    case FaultKind::kCrash:
      return "crash";
    case FaultKind::kStorage:
      return "storage error";
    case FaultKind::kStall:
      return "stall";
  }
  return "?";
}

std::span<const BootStepRow> BootStepRows() { return kSteps; }

void BootWatch::Feed(std::string_view bytes, Clock::time_point now) {
  parser_.Feed(bytes, [&](const ConsoleLine& line) { Look(line, now); });
}

void BootWatch::Mark(BootStep step, Clock::time_point now) {
  if (!reached_[Index(step)]) reached_[Index(step)] = Reached{now, std::nullopt};
}

void BootWatch::Look(const ConsoleLine& line, Clock::time_point now) {
  if (last_.size() == kLastLines) last_.pop_front();
  last_.push_back(line.text);
  for (const BootStepRow& row : kSteps) {
    if (reached_[Index(row.step)]) continue;
    for (const std::string_view pattern : row.patterns) {
      if (!Matches(pattern, line.text)) continue;
      reached_[Index(row.step)] = Reached{now, line.uptime};
      break;
    }
  }
  if (faults_.size() >= kFaultLimit) return;
  for (const FaultRow& row : kFaults) {
    if (!Matches(row.pattern, line.text)) continue;
    faults_.push_back({row.kind, line.text, line.uptime});
    break;
  }
}

const std::optional<BootWatch::Reached>& BootWatch::reached(BootStep step) const {
  return reached_[Index(step)];
}

std::optional<BootStep> BootWatch::missing() const {
  for (std::size_t i = kBootSteps; i > 0; --i) {
    if (!reached_[i - 1]) continue;
    if (i == kBootSteps) return std::nullopt;
    return static_cast<BootStep>(i);
  }
  return BootStep::kKernel;
}

const BootFault* BootWatch::fatal() const {
  for (const BootFault& fault : faults_) {
    if (fault.kind == FaultKind::kPanic) return &fault;
  }
  return nullptr;
}

const BootFault* BootWatch::first_serious() const {
  for (const BootFault& fault : faults_) {
    if (fault.kind != FaultKind::kStall) return &fault;
  }
  return nullptr;
}

bool BootWatch::stood_still() const {
  return std::ranges::any_of(faults_, [](const BootFault& fault) {
    return fault.kind == FaultKind::kStall && fault.line.find("soft lockup") != std::string::npos;
  });
}

std::vector<std::string> BootWatch::LastLines(std::size_t count) const {
  const std::size_t skip = last_.size() > count ? last_.size() - count : 0;
  return {last_.begin() + static_cast<std::ptrdiff_t>(skip), last_.end()};
}

std::string BootWatch::Explain(std::size_t lines) const {
  std::string text;
  for (const BootStepRow& row : kSteps) {
    if (const auto& seen = reached_[Index(row.step)]) {
      text += fmt::format("  {:>7} ms  {}\n", Milliseconds(seen->seen - start_), row.name);
    }
  }
  if (const auto step = missing()) {
    text += fmt::format("  missing     {}\n", kSteps[Index(*step)].name);
  }
  for (const BootFault& fault : faults_) {
    text += fmt::format("  {}: {}\n", Word(fault.kind), fault.line);
  }
  const std::vector<std::string> last = LastLines(lines);
  if (last.empty()) {
    text += "the console is empty\n";
  } else {
    text += fmt::format("last {} lines of the console:\n", last.size());
  }
  for (const std::string& line : last) text += "  | " + line + "\n";
  return text;
}

std::string ConsoleTail::Read() {
  const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes;
  if (!fd) return bytes;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::pread(fd.get(), buffer, sizeof buffer, static_cast<off_t>(offset_));
    if (got <= 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
    offset_ += static_cast<std::size_t>(got);
  }
}

}  // namespace inro::vmm
