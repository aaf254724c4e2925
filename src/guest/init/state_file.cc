#include "guest/init/state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/unique_fd.h"

namespace inro::guest {
namespace {

void AppendField(std::string& out, std::string_view text) {
  for (const char c : text) out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  out += '\t';
}

}  // namespace

std::string_view ActiveState(UnitPhase phase) {
  switch (phase) {
    case UnitPhase::kInactive:
      return "inactive";
    case UnitPhase::kCondition:
    case UnitPhase::kStartPre:
    case UnitPhase::kStart:
    case UnitPhase::kStartPost:
    case UnitPhase::kAutoRestart:
      return "activating";
    case UnitPhase::kRunning:
    case UnitPhase::kExited:
    case UnitPhase::kActive:
      return "active";
    case UnitPhase::kReload:
      return "reloading";
    case UnitPhase::kStop:
    case UnitPhase::kStopWatchdog:
    case UnitPhase::kStopSigterm:
    case UnitPhase::kStopSigkill:
    case UnitPhase::kStopPost:
      return "deactivating";
    case UnitPhase::kFailed:
      return "failed";
  }
  return "";
}

std::string_view SubState(const UnitRun& run) {
  if (run.phase != UnitPhase::kActive) {
    if (run.unit->kind == unit::UnitKind::kMount && run.phase == UnitPhase::kStart) {
      return "mounting";
    }
    return ToString(run.phase);
  }
  if (!run.sub.empty()) return run.sub;
  switch (run.unit->kind) {
    case unit::UnitKind::kMount:
      return "mounted";
    case unit::UnitKind::kSocket:
      return "listening";
    case unit::UnitKind::kTimer:
      return "waiting";
    default:
      return "active";
  }
}

std::string FormatUnits(const Supervisor& supervisor) {
  std::string out(kStateColumns);
  out += '\n';
  constexpr std::string_view kJobs[] = {"start", "stop", "restart", "restart", "reload", "reload"};
  for (const auto& [name, run] : supervisor.runs()) {
    AppendField(out, name);
    AppendField(out, ActiveState(run->phase));
    AppendField(out, SubState(*run));
    AppendField(out, std::to_string(run->main_pid));
    AppendField(out, std::to_string(run->started.count()));
    AppendField(out, std::to_string(run->active.count()));
    AppendField(out, std::to_string(run->restarts));
    AppendField(out, run->result);
    AppendField(out, run->status);
    AppendField(out, std::to_string(run->control_pid));
    AppendField(out, std::to_string(run->since.count()));
    AppendField(out, std::to_string(run->inactive.count()));
    const bool killed = run->end == ProcessEnd::kKilled || run->end == ProcessEnd::kDumped;
    AppendField(out, run->end == ProcessEnd::kNone     ? "0"
                     : run->end == ProcessEnd::kDumped ? "3"
                     : killed                          ? "2"
                                                       : "1");
    AppendField(out, std::to_string(run->end_status));
    AppendField(out, run->condition_held ? "yes" : "no");
    AppendField(out, run->job ? kJobs[static_cast<std::size_t>(run->job->kind)] : "");
    AppendField(out, run->job ? std::to_string(run->job->id) : "");
    AppendField(out, run->job && run->job->running ? "running" : run->job ? "waiting" : "");
    AppendField(out, std::to_string(run->accepted));
    AppendField(out, run->failed || !run->IsUp() ? run->reason : "");
    AppendField(out, std::to_string(run->stopping.count()));
    AppendField(out, std::to_string(run->store.size()));
    out.back() = '\n';
  }
  return out;
}

void StateFile::Update(const Supervisor& supervisor, Time now) {
  if (now < NextDeadline(supervisor)) return;
  last_ = now;
  // Many units that start write rarely: the cost stays linear.
  interval_ = kMinInterval + Time(static_cast<std::int64_t>(supervisor.runs().size()) * 200);
  Write(supervisor);
}

void StateFile::Write(const Supervisor& supervisor) {
  if (path_.empty() || written_ == supervisor.generation()) return;
  const auto done = Replace(FormatUnits(supervisor));
  if (done) written_ = supervisor.generation();
  if (done.has_value() == !failing_) return;
  failing_ = !done;
  if (!say_) return;
  say_(failing_ ? done.error().ToString() + "; what it says of units is old until it can"
                : path_ + " is written again");
}

Result<> StateFile::Replace(const std::string& text) const {
  const std::string temporary = path_ + ".new";
  {
    const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) return FailErrno("write {}", path_);
    errno = ENOSPC;  // of a write that is short
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      const auto failed = FailErrno("write {}", path_);
      ::unlink(temporary.c_str());
      return failed;
    }
  }
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return FailErrno("replace {}", path_);
  return {};
}

Time StateFile::NextDeadline(const Supervisor& supervisor) const {
  if (path_.empty() || written_ == supervisor.generation()) return kNever;
  return last_ + (failing_ ? kRetryInterval : interval_);
}

}  // namespace inro::guest
