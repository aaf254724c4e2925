// Generators (systemd.generator(7)): programs that write unit files before the first unit is read,
// and again for a reload. All run at once; PID 1 goes on meanwhile and is told when they are done.
//
//   idle -> Start() -> running -> OnExit() of the last one -> idle
//
// One that runs longer than the limit is killed with its whole session. Invariant: while running()
// there is a process to wait for; a generator that cannot be started is said and left out.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "guest/init/job.h"
#include "guest/init/kernel_log.h"
#include "sys/file_source.h"
#include "unit/exec_settings.h"

namespace inro::guest {

struct GeneratorSettings {
  // The most important first; a name counts once.
  std::vector<std::string> folders = {
      "/run/systemd/system-generators", "/etc/systemd/system-generators",
      "/usr/local/lib/systemd/system-generators", "/usr/lib/systemd/system-generators"};
  // Units go here, and to the same path with ".early" and ".late". Empty: nothing is run.
  std::string output = "/run/systemd/generator";
  // Of all of them. Those of systemd take seconds where many start on one slow processor.
  Time limit{30'000'000};
  // A generator of this name that is a link to the program that PID 1 is (`own_target` is the last
  // part of the link) is called in a fork of it, which saves an exec. nullptr: none is.
  int (*own)(int argc, char** argv) = nullptr;
  std::string_view own_target = "inro-guest";
};

struct Generator {
  std::string path;
  bool own = false;
};
// What is to be run, sorted by name. A link to /dev/null, an empty file and one that nobody may
// execute hide those of the same name in later folders.
std::vector<Generator> FindGenerators(const sys::FileSource& files,
                                      const GeneratorSettings& settings);

// Adds SYSTEMD_SCOPE= and its kin.
void AddGeneratorVariables(unit::Environment& environment);

class Generators {
 public:
  // `environment`: as services have it.
  Generators(KernelLog& log, GeneratorSettings settings, unit::Environment environment)
      : log_(log), settings_(std::move(settings)), environment_(std::move(environment)) {}

  // Empties the output folders and starts all; running() is false afterwards when there are none.
  // Not to be called while running().
  void Start(Time now);
  bool running() const { return !children_.empty(); }
  // True when `pid` was a generator.
  bool OnExit(pid_t pid, int status);
  void OnTime(Time now);
  Time NextDeadline() const { return running() ? deadline_ : kNever; }

 private:
  Result<pid_t> Run(const Generator& generator, int output) const;

  KernelLog& log_;
  GeneratorSettings settings_;
  unit::Environment environment_;
  std::map<pid_t, std::string> children_;
  Time deadline_ = kNever;
  bool killed_ = false;
};

}  // namespace inro::guest
