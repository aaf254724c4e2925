#include "guest/init/state_file.h"

#include <fcntl.h>
#include <unistd.h>

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
    case UnitPhase::kWaiting:
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
      return "reloading";
    case UnitPhase::kStop:
    case UnitPhase::kStopSigterm:
    case UnitPhase::kStopSigkill:
    case UnitPhase::kStopPost:
      return "deactivating";
    case UnitPhase::kFailed:
      return "failed";
  }
  return "";
}

std::string FormatUnits(const Supervisor& supervisor) {
  std::string out = "unit\tactive\tsub\tpid\tstarted_us\tactive_us\trestarts\tresult\tstatus\n";
  for (const auto& [name, run] : supervisor.runs()) {
    AppendField(out, name);
    AppendField(out, ActiveState(run->phase));
    AppendField(out, ToString(run->phase));
    AppendField(out, std::to_string(run->main_pid));
    AppendField(out, std::to_string(run->started.count()));
    AppendField(out, std::to_string(run->active.count()));
    AppendField(out, std::to_string(run->restarts));
    AppendField(out, run->failed && !run->result.empty() ? run->result : "success");
    AppendField(out, run->status);
    out.back() = '\n';
  }
  return out;
}

void StateFile::Update(const Supervisor& supervisor, Time now) {
  if (path_.empty() || written_ == supervisor.generation() || now - last_ < kMinInterval) return;
  last_ = now;
  written_ = supervisor.generation();
  const std::string text = FormatUnits(supervisor);
  const std::string temporary = path_ + ".new";
  {
    const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return;  // a full /run: the old state stays, and the next change tries again
    }
  }
  static_cast<void>(::rename(temporary.c_str(), path_.c_str()) == 0);
}

Time StateFile::NextDeadline(const Supervisor& supervisor) const {
  if (path_.empty() || written_ == supervisor.generation()) return kNever;
  return last_ + kMinInterval;
}

}  // namespace inro::guest
