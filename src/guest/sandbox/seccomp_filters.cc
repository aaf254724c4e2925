#include "guest/sandbox/seccomp_filters.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "guest/sandbox/system_call_groups.h"
#include "unit/value.h"

namespace inro::guest::sandbox {
namespace {

using Kind = ArgumentTest::Kind;
using Rules = std::vector<SeccompRule>;

// Calls `visit` with the index of every call that `name` ("read", "@mount", "@known") stands for.
template <class F>
void ForEachCall(std::string_view name, const F& visit, int depth = 0) {
  constexpr int kMaxDepth = 8;
  if (name == "@known") {
    for (std::size_t i = 0; i < SystemCallNames().size(); ++i) visit(i);
    return;
  }
  if (!name.starts_with('@')) {
    if (const auto index = FindSystemCall(name)) visit(*index);
    return;
  }
  std::string_view members = MembersOfGroup(name).value_or("");
  while (!members.empty() && depth < kMaxDepth) {
    const std::size_t space = members.find(' ');
    ForEachCall(members.substr(0, space), visit, depth + 1);
    members.remove_prefix(space == std::string_view::npos ? members.size() : space + 1);
  }
}

// All of a group and its calls fail, whatever their arguments.
SeccompProgram Forbid(std::string_view group, int error) {
  std::vector<SeccompAction> actions(SystemCallNames().size(), AllowCall());
  ForEachCall(group, [&](std::size_t index) { actions[index] = FailCall(error); });
  return ActionsProgram(actions, AllowCall(), AllowCall());
}

SeccompProgram SystemCallProgram(const unit::SandboxSettings& sandbox) {
  const unit::SystemCallRules& rules = *sandbox.system_calls;
  const SeccompAction refuse =
      sandbox.system_call_errno ? FailCall(*sandbox.system_call_errno) : KillProcess();
  const SeccompAction outside = rules.allow_list ? refuse : AllowCall();
  const SeccompAction inside = rules.allow_list ? AllowCall() : refuse;
  std::vector<SeccompAction> actions(SystemCallNames().size(), outside);
  if (rules.allow_list) {
    ForEachCall("@default", [&](std::size_t index) { actions[index] = AllowCall(); });
  }
  for (std::string_view word : rules.calls) {
    const bool take_out = word.starts_with('~');
    if (take_out) word.remove_prefix(1);
    SeccompAction action = take_out ? outside : inside;
    const std::size_t colon = word.find(':');
    // An error of its own: of a forbidden call, or of one taken out of those allowed.
    if (colon != std::string_view::npos && take_out == rules.allow_list) {
      const auto error = unit::ParseErrno(word.substr(colon + 1));
      action = error ? FailCall(*error) : KillProcess();
    }
    ForEachCall(word.substr(0, colon), [&](std::size_t index) { actions[index] = action; });
  }
  // Calls that are newer than this list: a program that tries them can do without.
  return ActionsProgram(actions, outside, rules.allow_list ? FailCall(ENOSYS) : AllowCall());
}

SeccompProgram AddressFamiliesProgram(const unit::SandboxSettings::AddressFamilies& families) {
  Rules rules;
  const SeccompAction refuse = FailCall(EAFNOSUPPORT);
  for (const int family : families.families) {
    rules.push_back({"socket",
                     {{0, Kind::kEqual, static_cast<std::uint32_t>(family)}},
                     families.allow_list ? AllowCall() : refuse});
  }
  if (families.allow_list) rules.push_back({"socket", {}, refuse});
  // The old 32-bit way to the same end, whose arguments are out of reach; 1 is SYS_SOCKET.
  rules.push_back({"socketcall", {{0, Kind::kEqual, 1}}, refuse});
  return RulesProgram(rules);
}

SeccompProgram NamespacesProgram(unsigned long allowed) {
  constexpr unsigned long kAll = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS |
                                 CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWTIME;
  const auto forbidden = static_cast<std::uint32_t>(kAll & ~allowed);
  // The low byte of clone's flags is the signal of exit, and CLONE_NEWTIME lies in it.
  const auto of_clone = forbidden & ~std::uint32_t{CSIGNAL};
  const SeccompAction refuse = FailCall(EPERM);
  Rules rules{
      {"clone3", {}, FailCall(ENOSYS)},  // its flags are out of reach; the C library falls back
      {"clone", {{0, Kind::kAnyBit, of_clone}}, refuse},
      {"unshare", {{0, Kind::kAnyBit, forbidden}}, refuse},
      {"setns", {{1, Kind::kAnyBit, forbidden}}, refuse},
  };
  // "Whatever kind the descriptor is of" may be a forbidden one.
  if (forbidden != 0) rules.push_back({"setns", {{1, Kind::kEqual, 0}}, refuse});
  return RulesProgram(rules);
}

SeccompProgram RealtimeProgram() {
  Rules rules;
  for (const int policy : {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE}) {
    rules.push_back({"sched_setscheduler",
                     {{1, Kind::kEqual, static_cast<std::uint32_t>(policy)}},
                     AllowCall()});
  }
  rules.push_back({"sched_setscheduler", {}, FailCall(EPERM)});
  rules.push_back({"sched_setattr", {}, FailCall(EPERM)});  // the policy is out of reach
  return RulesProgram(rules);
}

SeccompProgram SetIdProgram() {
  constexpr std::uint32_t kBits = S_ISUID | S_ISGID;
  constexpr std::uint32_t kTemporary = O_TMPFILE & ~O_DIRECTORY;
  const SeccompAction refuse = FailCall(EPERM);
  const auto with_mode = [&](std::string_view call, unsigned mode) {
    return SeccompRule{call, {{mode, Kind::kAnyBit, kBits}}, refuse};
  };
  Rules rules{with_mode("chmod", 1),    with_mode("fchmod", 1),
              with_mode("fchmodat", 2), with_mode("fchmodat2", 2),
              with_mode("mkdir", 1),    with_mode("mkdirat", 2),
              with_mode("mknod", 1),    with_mode("mknodat", 2),
              with_mode("creat", 1),    {"openat2", {}, FailCall(ENOSYS)}};
  for (const auto& [call, flags] : {std::pair{"open", 1U}, std::pair{"openat", 2U}}) {
    for (const std::uint32_t bit : {std::uint32_t{O_CREAT}, kTemporary}) {
      rules.push_back(
          {call, {{flags, Kind::kAnyBit, bit}, {flags + 1, Kind::kAnyBit, kBits}}, refuse});
    }
  }
  return RulesProgram(rules);
}

SeccompProgram PersonalityProgram(unsigned long personality) {
  constexpr std::uint32_t kQuery = 0xffffffff;
  return RulesProgram(
      {{"personality", {{0, Kind::kEqual, static_cast<std::uint32_t>(personality)}}, AllowCall()},
       {"personality", {{0, Kind::kEqual, kQuery}}, AllowCall()},
       {"personality", {}, FailCall(EPERM)}});
}

SeccompProgram WriteExecuteProgram() {
  const SeccompAction refuse = FailCall(EPERM);
  constexpr std::uint32_t kBoth = PROT_WRITE | PROT_EXEC;
  return RulesProgram({{"mmap", {{2, Kind::kAllBits, kBoth}}, refuse},
                       {"mmap2", {{2, Kind::kAllBits, kBoth}}, refuse},
                       {"mprotect", {{2, Kind::kAnyBit, PROT_EXEC}}, refuse},
                       {"pkey_mprotect", {{2, Kind::kAnyBit, PROT_EXEC}}, refuse},
                       {"shmat", {{2, Kind::kAnyBit, SHM_EXEC}}, refuse}});
}

SeccompProgram ArchitecturesOf(const std::vector<std::string>& names) {
  return ArchitecturesProgram({names.begin(), names.end()});
}

}  // namespace

bool NeedsFilters(const unit::ExecSettings& exec) {
  const unit::SandboxSettings& sandbox = exec.sandbox;
  return sandbox.lock_personality || sandbox.memory_deny_write_execute ||
         sandbox.restrict_realtime || sandbox.restrict_suid_sgid || sandbox.allowed_namespaces ||
         sandbox.address_families || sandbox.system_calls || sandbox.protect_hostname ||
         sandbox.protect_kernel_modules || sandbox.protect_kernel_logs || sandbox.protect_clock ||
         sandbox.protect_kernel_tunables || sandbox.private_devices ||
         !sandbox.system_call_architectures.empty();
}

std::vector<SeccompFilter> BuildFilters(const unit::ExecSettings& exec) {
  const unit::SandboxSettings& sandbox = exec.sandbox;
  std::vector<SeccompFilter> filters;
  const auto add = [&](std::string_view directive, SeccompProgram program) {
    filters.push_back({directive, std::move(program)});
  };
  if (sandbox.address_families) {
    add("RestrictAddressFamilies=", AddressFamiliesProgram(*sandbox.address_families));
  }
  if (sandbox.memory_deny_write_execute) add("MemoryDenyWriteExecute=", WriteExecuteProgram());
  if (sandbox.restrict_realtime) add("RestrictRealtime=", RealtimeProgram());
  if (sandbox.restrict_suid_sgid) add("RestrictSUIDSGID=", SetIdProgram());
  if (sandbox.allowed_namespaces) {
    add("RestrictNamespaces=", NamespacesProgram(*sandbox.allowed_namespaces));
  }
  if (sandbox.protect_hostname) {
    add("ProtectHostname=", RulesProgram({{"sethostname", {}, FailCall(EPERM)},
                                          {"setdomainname", {}, FailCall(EPERM)}}));
  }
  if (sandbox.protect_kernel_tunables) {
    add("ProtectKernelTunables=", RulesProgram({{"_sysctl", {}, FailCall(EPERM)}}));
  }
  if (sandbox.protect_kernel_modules) add("ProtectKernelModules=", Forbid("@module", EPERM));
  if (sandbox.protect_kernel_logs) {
    add("ProtectKernelLogs=", RulesProgram({{"syslog", {}, FailCall(EPERM)}}));
  }
  if (sandbox.protect_clock) add("ProtectClock=", Forbid("@clock", EPERM));
  if (sandbox.private_devices) add("PrivateDevices=", Forbid("@raw-io", EPERM));
  if (!sandbox.system_call_architectures.empty()) {
    add("SystemCallArchitectures=", ArchitecturesOf(sandbox.system_call_architectures));
  }
  if (sandbox.lock_personality) {
    add("LockPersonality=", PersonalityProgram(sandbox.personality.value_or(PER_LINUX)));
  }
  if (sandbox.system_calls) add("SystemCallFilter=", SystemCallProgram(sandbox));
  return filters;
}

int InstallFilter(const SeccompProgram& program) {
  sock_fprog code{static_cast<unsigned short>(program.size()),
                  const_cast<sock_filter*>(program.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &code) == 0 ? 0 : errno;
}

}  // namespace inro::guest::sandbox
