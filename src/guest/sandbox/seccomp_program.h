// Classic BPF programs for seccomp(2), put together from rules by name of the call, for all
// architectures whose programs the kernel runs. Pure: nothing is installed here.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "guest/sandbox/system_call_table.h"

namespace inro::guest::sandbox {

using SeccompProgram = std::vector<sock_filter>;

// What happens to a call: SECCOMP_RET_* with its data.
using SeccompAction = std::uint32_t;
SeccompAction AllowCall();
SeccompAction KillProcess();
SeccompAction FailCall(int error);  // the call returns -1 with this errno

// A test of the low half of an argument: all flags, modes and families fit into it.
struct ArgumentTest {
  enum class Kind : std::uint8_t { kEqual, kAnyBit, kAllBits };
  unsigned argument = 0;
  Kind kind = Kind::kEqual;
  std::uint32_t value = 0;
};

// The first rule whose call and tests all fit decides; where none does, the call is allowed. The
// call is skipped on an architecture that does not have it.
struct SeccompRule {
  std::string_view call;
  std::vector<ArgumentTest> tests;
  SeccompAction action = 0;
};
SeccompProgram RulesProgram(const std::vector<SeccompRule>& rules);

// An action for each call by its index in SystemCallNames(). `fallback` is for what no name is
// known for: numbers between, and numbers above all of these.
SeccompProgram ActionsProgram(const std::vector<SeccompAction>& actions, SeccompAction between,
                              SeccompAction above);

// Calls of other architectures than these end the process. Names as in SystemCallArchitectures=;
// "native" is the machine's own. Names of architectures that this machine cannot run are nothing.
SeccompProgram ArchitecturesProgram(const std::vector<std::string_view>& names);

}  // namespace inro::guest::sandbox
