// The seam of role `generate`: what a topic reads, and what it writes.
//
// A topic turns words of the kernel's command line and facts of the guest into units, under either
// init. It runs early in the boot, before the first unit, and again at each daemon-reload: it reads
// quickly, starts no program, waits for nothing, and writes the same for the same input.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/control_policy.h"
#include "protocol/kernel_parameter.h"
#include "sys/file_source.h"

namespace inro::guest::generate {

// What a topic may read.
struct Guest {
  std::string_view command_line;                  // /proc/cmdline, without its newline
  const protocol::KernelCommandLine& parameters;  // the same, by the table of kernel_parameter.h
  const protocol::ControlPolicy& policy;          // what the definition allows
  const sys::FileSource& files;                   // the guest's files: /dev, /sys, /usr, ...
};

// The words of a command line; the value after "NAME=", or empty. For words that are not in the
// table of kernel_parameter.h.
bool HasWord(std::string_view command_line, std::string_view word);
std::string_view WordValue(std::string_view command_line, std::string_view name);

// Where units go: the folder that systemd names as the first argument of a generator
// (systemd.generator(7)). Names are plain: no "..", at most one '/'.
class Output {
 public:
  virtual ~Output() = default;
  // A unit file, or a drop-in as "NAME.d/FILE.conf".
  virtual Result<> WriteUnit(std::string_view name, std::string_view text) = 0;
  // TARGET.wants/UNIT: the unit is started with the target. The unit need not be generated.
  virtual Result<> Want(std::string_view target, std::string_view unit) = 0;
  // TARGET.requires/UNIT.
  virtual Result<> Require(std::string_view target, std::string_view unit) = 0;
  // A file below /run, for a service's configuration: "chrony/refclock.conf". Folders are made.
  virtual Result<> WriteRunFile(std::string_view path, std::string_view text) = 0;
};

}  // namespace inro::guest::generate
