// What every verb of systemctl has at hand: options, unit files, and what PID 1 says of its units.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "protocol/init_request.h"
#include "sys/file_source.h"
#include "unit/loader.h"

namespace inro::guest::systemctl {

// Exit codes of systemctl(1), those of LSB init scripts among them.
enum Exit : int {
  kSuccess = 0,
  kFailure = 1,
  kNotRunning = 3,
  kNotImplemented = 3,
  kNoSuchUnit = 4,
  kNoPermission = 4,
  kNotInstalled = 5,
};

struct Options {
  bool quiet = false, no_block = false, all = false, plain = false, no_legend = false;
  bool now = false, runtime = false, value = false, reverse = false, no_reload = false;
  bool full = false;
  int force = 0;
  std::uint32_t lines = 10;  // of the log, in status
  std::vector<std::string> types, states, properties;
  protocol::InitMode mode = protocol::InitMode::kReplace;
  protocol::InitWho who = protocol::InitWho::kAll;
  int signal = 15;
};

// A line of the state file; times are microseconds of CLOCK_MONOTONIC.
struct Row {
  std::string name, active = "inactive", sub = "dead", result = "success", status, job, job_id,
                    job_state, reason, condition = "yes";
  std::uint64_t pid = 0, control_pid = 0, restarts = 0, exit_code = 0, exit_status = 0,
                accepted = 0, stored = 0;
  std::uint64_t started = 0, entered = 0, since = 0, inactive = 0;
};

std::map<std::string, Row, std::less<>> ParseRows(std::string_view tsv);

class Context {
 public:
  // Tests choose by $INRO_RUN_DIR and $SYSTEMD_UNIT_PATH, as systemctl(1) has the latter.
  Context();

  Options options;
  std::vector<std::string> words;  // the verb first

  const sys::DiskFileSource files;
  const std::string run_folder;
  const std::vector<std::string> search_path;
  // Where systemd-journald is in the guest, the program that reads its journal.
  const std::string journalctl;
  unit::Loader& loader();

  // The state file, after PID 1 has written it anew.
  const std::map<std::string, Row, std::less<>>& rows();
  // Of a name or alias; that of a unit that PID 1 does not know is inactive.
  Row RowOf(std::string_view name);

  // Names of the command line from `first` on: a suffix is added, patterns are matched against what
  // is loaded (and, with `files`, against unit files).
  std::vector<std::string> Names(std::size_t first, bool files);

  // A request, whose answer is to be read later; so several can be under way.
  Result<UniqueFd> Send(const protocol::InitRequest& request) const;
  Result<protocol::InitReply> Receive(const UniqueFd& connection) const;
  Result<protocol::InitReply> Ask(const protocol::InitRequest& request) const;

 private:
  std::unique_ptr<unit::Loader> loader_;
  std::map<std::string, Row, std::less<>> rows_;
  bool rows_read_ = false;
};

// A name without a suffix is a service's; a path a mount's.
std::string CompleteName(std::string_view word);
protocol::InitRequest RequestFor(protocol::InitVerb verb, std::string_view unit);

void Print(std::string_view text);
void PrintError(std::string_view text);
template <class... Args>
void Printf(fmt::format_string<Args...> format, Args&&... args) {
  Print(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Complain(fmt::format_string<Args...> format, Args&&... args) {
  PrintError(fmt::format(format, std::forward<Args>(args)...) + "\n");
}

// Of CLOCK_MONOTONIC: "Tue 2026-11-24 11:19:24 UTC"; "" of 0.
std::string WallText(std::uint64_t monotonic_us);
// "1min 5s".
std::string SpanText(std::uint64_t us);
std::uint64_t MonotonicNow();

using Verb = int (*)(Context&);

// Job, power and signal verbs.
int RunJobVerb(Context&);
int RunIsolate(Context&);
int RunNamedTarget(Context&);
int RunKill(Context&);
int RunResetFailed(Context&);
int RunDaemonReload(Context&);
int RunPower(Context&);
// States.
int RunIsActive(Context&);
int RunIsFailed(Context&);
int RunIsSystemRunning(Context&);
int RunStatus(Context&);
int RunShow(Context&);
int RunCat(Context&);
// Lists.
int RunListUnits(Context&);
int RunListUnitFiles(Context&);
int RunListDependencies(Context&);
int RunListSockets(Context&);
int RunListTimers(Context&);
int RunListJobs(Context&);
// Unit files.
int RunInstall(Context&);
int RunIsEnabled(Context&);
int RunGetDefault(Context&);
// Starts or stops units, for --now too.
int SubmitJobs(Context&, protocol::InitJob job, const std::vector<std::string>& names);

}  // namespace inro::guest::systemctl
