// PID 1's loop: waits for children, signals, notifications, output and deadlines, and tells the
// supervisor. Never exits but through the end of the system, never blocks but in epoll_wait, reaps
// first on each wake.
#pragma once

#include <functional>
#include <string>

#include "guest/init/control_groups.h"
#include "guest/init/generators.h"
#include "guest/init/kernel_log.h"
#include "guest/init/power.h"
#include "guest/init/timer_activation.h"
#include "protocol/init_request.h"
#include "sys/file_source.h"
#include "unit/kernel_command_line.h"
#include "unit/loader.h"

namespace inro::guest {

struct MainLoopSettings {
  unit::LoaderOptions loader;
  std::string target = "default.target";
  std::string fallback_target = "kata-containers.target";
  // Started before the rest is even read, when the target wants it and it waits for nothing.
  std::string first_unit = "kata-agent.service";
  // What the other units may rely on and `first_unit` does not need: called in between.
  std::function<void()> finish_machine = [] {};
  std::vector<std::string> also_start;  // systemd.wants=
  unit::Environment environment;        // of services
  std::string notify_path = "/run/systemd/notify";
  std::string state_path = "/run/inro/units.tsv";
  std::string request_path{protocol::kInitSocket};
  GeneratorSettings generators;
  TimerFolders timers;
  std::string directory_root;  // "" but in tests
};

// Signals that the loop takes must be blocked already (BlockSignals). Runs until the system is to
// end: returns what was asked for, all units stopped as far as its urgency allows.
PowerRequest RunMainLoop(const MainLoopSettings& settings, const sys::FileSource& files,
                         const unit::KernelCommandLine& line, const ControlGroups& groups,
                         KernelLog& log);

// Blocks all signals for good: they are read from a descriptor.
void BlockSignals();

}  // namespace inro::guest
