// Verbs that ask PID 1 for jobs, signals and the end of the system.
#include <sys/reboot.h>
#include <unistd.h>

#include <algorithm>

#include "guest/systemctl/context.h"

namespace inro::guest::systemctl {
namespace {

using protocol::InitError;
using protocol::InitJob;
using protocol::InitOutcome;
using protocol::InitPower;
using protocol::InitReply;
using protocol::InitRequest;
using protocol::InitVerb;

struct JobVerb {
  std::string_view verb;
  InitJob job;
  std::string_view word;  // "Failed to WORD ..."
};
constexpr JobVerb kJobVerbs[] = {
    {"condrestart", InitJob::kTryRestart, "restart"},
    {"force-reload", InitJob::kReloadOrRestart, "reload or restart"},
    {"reload", InitJob::kReload, "reload"},
    {"reload-or-restart", InitJob::kReloadOrRestart, "reload or restart"},
    {"reload-or-try-restart", InitJob::kTryRestart, "reload or restart"},
    {"restart", InitJob::kRestart, "restart"},
    {"start", InitJob::kStart, "start"},
    {"stop", InitJob::kStop, "stop"},
    {"try-reload-or-restart", InitJob::kTryRestart, "reload or restart"},
    {"try-restart", InitJob::kTryRestart, "restart"},
};

std::string_view WordOf(InitJob job) {
  const auto* found = std::ranges::find(kJobVerbs, job, &JobVerb::job);
  return found == std::end(kJobVerbs) ? "start" : found->word;
}

// What PID 1 refuses, in the words and with the codes of the original.
int Refused(Context& context, InitJob job, const std::string& name, const InitReply& reply) {
  const unit::Unit* unit = context.loader().Load(name);
  const unit::LoadState state = unit == nullptr ? unit::LoadState::kNotFound : unit->state;
  const std::string_view word = WordOf(job);
  if (state == unit::LoadState::kMasked && job != InitJob::kStop) {
    Complain("Failed to {} {}: Unit {} is masked.", word, name, name);
    return kFailure;
  }
  if (state == unit::LoadState::kNotFound && reply.error == InitError::kNotFound) {
    Complain("Failed to {} {}: Unit {} not found.", word, name, name);
    return kNotInstalled;
  }
  if (state == unit::LoadState::kError) {
    Complain("Failed to {} {}: Unit {} failed to load properly.\n{}", word, name, name,
             unit->problem);
    return kFailure;
  }
  if (state == unit::LoadState::kBad) {
    Complain("Failed to {} {}: Unit {} has a bad unit file setting.\n{}", word, name, name,
             unit->problem);
    return kFailure;
  }
  if (job == InitJob::kReload && reply.error == InitError::kRefused) {
    if (context.RowOf(name).active != "active") {
      Complain("{} is not active, cannot reload.", name);
      return kFailure;
    }
    Complain("Failed to reload {}: Job type reload is not applicable for unit {}.", name, name);
    return kNotImplemented;
  }
  Complain("Failed to {} {}: {}", word, name, reply.text);
  return reply.error == InitError::kRefused ? kNoPermission : kFailure;
}

int Report(Context& context, const std::string& name, InitOutcome outcome) {
  switch (outcome) {
    case InitOutcome::kDone:
    case InitOutcome::kSkipped:
    case InitOutcome::kPending:
    case InitOutcome::kUnknown:
      return kSuccess;
    case InitOutcome::kCanceled:
      if (!context.options.quiet) Complain("Job for {} canceled.", name);
      return kFailure;
    case InitOutcome::kTimeout:
      if (!context.options.quiet) Complain("Job for {} timed out.", name);
      return kFailure;
    case InitOutcome::kDependency:
      if (!context.options.quiet) {
        Complain("A dependency job for {} failed. See \"systemctl status {}\" for details.", name,
                 name);
      }
      return kFailure;
    case InitOutcome::kFailed:
      break;
  }
  if (!context.options.quiet) {
    const Row row = context.RowOf(name);
    Complain("Job for {} failed{}{}.\nSee \"systemctl status {}\" for details.", name,
             row.reason.empty() ? "" : ": ", row.reason, name);
  }
  return kFailure;
}

// Sockets and timers that would start it again.
void WarnOfTriggers(Context& context, const std::vector<std::string>& stopped) {
  for (const std::string& name : stopped) {
    std::string by;
    for (const auto& [known, row] : context.rows()) {
      if (row.active != "active" || std::ranges::count(stopped, known) > 0) continue;
      if (!known.ends_with(".socket") && !known.ends_with(".timer")) continue;
      const unit::Unit* unit = context.loader().Load(known);
      if (unit != nullptr && std::ranges::count(unit->triggers, name) > 0) by += "\n  " + known;
    }
    if (!by.empty()) {
      Complain("Warning: Stopping {}, but it can still be activated by:{}", name, by);
    }
  }
}

struct PowerVerb {
  std::string_view verb;
  InitPower power;
  unsigned immediate;  // of reboot(2)
};
constexpr PowerVerb kPowerVerbs[] = {
    {"exit", InitPower::kPoweroff, RB_POWER_OFF}, {"halt", InitPower::kHalt, RB_HALT_SYSTEM},
    {"kexec", InitPower::kReboot, RB_AUTOBOOT},   {"poweroff", InitPower::kPoweroff, RB_POWER_OFF},
    {"reboot", InitPower::kReboot, RB_AUTOBOOT},  {"soft-reboot", InitPower::kReboot, RB_AUTOBOOT},
};

int Power(Context& context, const PowerVerb& row) {
  if (context.options.force >= 2) {  // PID 1 is not asked at all
    ::sync();
    ::reboot(static_cast<int>(row.immediate));
    Complain("Failed to {}: {}", row.verb, Error::FromErrno("reboot").ToString());
    return kFailure;
  }
  InitRequest request = RequestFor(InitVerb::kPower, "");
  request.power = row.power;
  request.force = static_cast<std::uint8_t>(context.options.force);
  const auto reply = context.Ask(request);
  if (reply || reply.error().kind() == ErrorKind::kClosed) return kSuccess;  // it may be quick
  Complain("Failed to {}: {}", row.verb, reply.error().ToString());
  return kFailure;
}

}  // namespace

int SubmitJobs(Context& context, InitJob job, const std::vector<std::string>& names) {
  struct Pending {
    std::string name;
    UniqueFd connection;
  };
  std::vector<Pending> pending;
  int code = kSuccess;
  for (const std::string& name : names) {
    // These end the system, whatever their units say.
    const auto* power = std::ranges::find_if(kPowerVerbs, [&](const PowerVerb& row) {
      return name == fmt::format("{}.target", row.verb);
    });
    if (job == InitJob::kStart && power != std::end(kPowerVerbs) &&
        context.loader().Load(name)->requires_.empty()) {
      return Power(context, *power);
    }
    InitRequest request = RequestFor(InitVerb::kJob, name);
    request.job = job;
    request.mode = context.options.mode;
    request.no_block = context.options.no_block ? 1 : 0;
    auto connection = context.Send(request);
    if (!connection) {
      Complain("Failed to {} {}: {}", WordOf(job), name, connection.error().ToString());
      return kFailure;
    }
    pending.push_back({name, std::move(*connection)});
  }
  for (const Pending& one : pending) {
    const auto reply = context.Receive(one.connection);
    int own = kSuccess;
    if (!reply) {
      Complain("Failed to {} {}: {}", WordOf(job), one.name, reply.error().ToString());
      own = kFailure;
    } else if (reply->error != InitError::kNone) {
      own = Refused(context, job, one.name, *reply);
    } else {
      own = Report(context, one.name, reply->outcome);
    }
    if (code == kSuccess) code = own;
  }
  if (job == InitJob::kStop && !context.options.quiet) WarnOfTriggers(context, names);
  return code;
}

int RunJobVerb(Context& context) {
  const auto* row = std::ranges::find(kJobVerbs, context.words[0], &JobVerb::verb);
  if (row == std::end(kJobVerbs)) return kFailure;
  const auto names = context.Names(1, false);
  if (names.empty() && context.words.size() < 2) {
    Complain("Too few arguments.");
    return kFailure;
  }
  return SubmitJobs(context, row->job, names);
}

int RunIsolate(Context& context) {
  if (context.words.size() != 2) {
    Complain("One unit is expected.");
    return kFailure;
  }
  context.options.mode = protocol::InitMode::kIsolate;
  std::string name = context.words[1];
  if (!unit::KindOf(name)) name += ".target";
  return SubmitJobs(context, InitJob::kStart, {name});
}

int RunNamedTarget(Context& context) {
  context.options.mode = protocol::InitMode::kIsolate;
  return SubmitJobs(context, InitJob::kStart, {context.words[0] + ".target"});
}

int RunKill(Context& context) {
  const auto names = context.Names(1, false);
  if (names.empty()) {
    Complain("Too few arguments.");
    return kFailure;
  }
  int code = kSuccess;
  for (const std::string& name : names) {
    InitRequest request = RequestFor(InitVerb::kKill, name);
    request.signal = context.options.signal;
    request.who = context.options.who;
    const auto reply = context.Ask(request);
    if (reply && reply->error == InitError::kNone) continue;
    Complain("Failed to kill unit {}: {}", name,
             reply ? std::string(reply->text) : reply.error().ToString());
    code = kFailure;
  }
  return code;
}

int RunResetFailed(Context& context) {
  auto names = context.Names(1, false);
  if (context.words.size() < 2) names = {""};
  int code = kSuccess;
  for (const std::string& name : names) {
    const auto reply = context.Ask(RequestFor(InitVerb::kResetFailed, name));
    if (reply && reply->error == InitError::kNone) continue;
    Complain("Failed to reset failed state of unit {}: {}", name,
             reply ? fmt::format("Unit {} not loaded.", name) : reply.error().ToString());
    code = kFailure;
  }
  return code;
}

int RunDaemonReload(Context& context) {
  const auto reply = context.Ask(RequestFor(InitVerb::kReload, ""));
  if (reply && reply->error == InitError::kNone) return kSuccess;
  Complain("Failed to reload daemon: {}",
           reply ? std::string(reply->text) : reply.error().ToString());
  return kFailure;
}

int RunPower(Context& context) {
  const auto* row = std::ranges::find(kPowerVerbs, context.words[0], &PowerVerb::verb);
  return row == std::end(kPowerVerbs) ? kFailure : Power(context, *row);
}

}  // namespace inro::guest::systemctl
