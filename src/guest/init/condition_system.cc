#include "guest/init/condition_system.h"

#include <fnmatch.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "guest/init/condition_match.h"
#include "guest/init/control_groups.h"
#include "sys/file_source.h"
#include "unit/text.h"
#include "unit/value.h"

namespace inro::guest {
namespace {

using unit::ConditionKind;

// The systemd whose units and words are understood here.
constexpr std::string_view kSystemdVersion = "252";

std::string ReadOr(const std::string& path, std::string otherwise = "") {
  return sys::DiskFileSource().Read(path, 256 << 10).value_or(std::move(otherwise));
}
bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }
bool HasWord(std::string_view text, std::string_view word) {
  const auto words = unit::SplitWords(text);
  return std::ranges::find(words, word) != words.end();
}

std::uint64_t PhysicalMemory() {
  struct sysinfo info{};
  ::sysinfo(&info);
  return std::uint64_t{info.totalram} * info.mem_unit;
}

std::uint64_t Cpus() {
  cpu_set_t set[8] = {};
  return ::sched_getaffinity(0, sizeof set, set) == 0
             ? static_cast<std::uint64_t>(CPU_COUNT_S(sizeof set, set))
             : 1;
}

bool MatchesEnvironment(const std::string& value) {
  const std::size_t equals = value.find('=');
  const char* const actual = ::getenv(value.substr(0, equals).c_str());
  if (actual == nullptr) return false;
  return equals == std::string::npos || value.substr(equals + 1) == actual;
}

bool MatchesHost(const std::string& value) {
  if (value.size() == 32 && value == unit::Trim(ReadOr("/etc/machine-id"))) return true;
  struct utsname system{};
  ::uname(&system);
  return ::fnmatch(value.c_str(), system.nodename, FNM_CASEFOLD) == 0;
}

bool HasControllers(std::string_view value) {
  const bool v2 = Exists("/sys/fs/cgroup/cgroup.controllers");
  if (value == "v2") return v2;
  if (value == "v1") return !v2;
  if (!v2)
    return std::ranges::all_of(unit::SplitWords(value), [](std::string_view name) {
      return Exists("/sys/fs/cgroup/" + std::string(name));
    });
  const std::string controllers = ReadOr("/sys/fs/cgroup/cgroup.controllers");
  return std::ranges::all_of(unit::SplitWords(value),
                             [&](std::string_view name) { return HasWord(controllers, name); });
}

bool HasSecurity(std::string_view value) {
  if (value == "selinux") return Exists("/sys/fs/selinux/enforce");
  if (value == "smack") return Exists("/sys/fs/smackfs");
  if (value == "apparmor") return ReadOr("/sys/module/apparmor/parameters/enabled") == "Y\n";
  if (value == "tomoyo") return Exists("/sys/kernel/security/tomoyo/version");
  if (value == "ima") return Exists("/sys/kernel/security/ima");
  if (value == "tpm2") return !sys::DiskFileSource().List("/sys/class/tpmrm").empty();
  if (value == "audit") {
    return UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT)).valid();
  }
  if (value == "uefi-secureboot") {
    const std::string state =
        ReadOr("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    return state.size() == 5 && state[4] == 1;
  }
  return false;
}

bool HasFirmware(std::string_view value) {
  if (value == "uefi") return Exists("/sys/firmware/efi");
  if (value == "device-tree") return Exists("/sys/firmware/devicetree");
  constexpr std::string_view kCompatible = "device-tree-compatible(";
  constexpr std::string_view kField = "smbios-field(";
  if (!value.ends_with(')')) return false;
  if (value.starts_with(kCompatible)) {
    value.remove_prefix(kCompatible.size());
    value.remove_suffix(1);
    std::string compatible = ReadOr("/proc/device-tree/compatible");
    std::ranges::replace(compatible, '\0', '\n');
    return HasWord(compatible, value);
  }
  if (!value.starts_with(kField)) return false;
  value.remove_prefix(kField.size());
  value.remove_suffix(1);
  const std::size_t end = value.find_first_of("<>=!$");
  if (end == std::string_view::npos) return false;
  const std::string name(unit::Trim(value.substr(0, end)));
  if (name.find('/') != std::string::npos) return false;
  const std::string actual(unit::Trim(ReadOr("/sys/class/dmi/id/" + name)));
  std::string_view rest = value.substr(end);
  const bool pattern = rest.starts_with("=$") || rest.starts_with("!=$");
  if (pattern) {
    const bool wanted = rest.starts_with("=$");
    rest.remove_prefix(wanted ? 2 : 3);
    const std::string text(unit::Trim(rest));
    return (::fnmatch(text.c_str(), actual.c_str(), 0) == 0) == wanted;
  }
  const Comparison comparison = TakeComparison(rest);
  const bool text = comparison == Comparison::kEqual || comparison == Comparison::kNotEqual;
  return Fits(text ? actual.compare(rest) : CompareVersions(actual, rest), comparison);
}

bool HasCpuFeature(std::string_view value) {
  const std::string info = ReadOr("/proc/cpuinfo");
  for (const std::string_view name : {"\nflags", "\nFeatures"}) {
    const std::size_t at = info.find(name);
    if (at == std::string::npos) continue;
    const std::string_view line = std::string_view(info).substr(at + 1);
    return HasWord(line.substr(0, line.find('\n')), value);
  }
  return false;
}

bool HasPressure(const std::string& resource, std::string_view value) {
  const std::size_t colon = value.find(':');
  std::string path = "/proc/pressure/" + resource;
  if (colon != std::string_view::npos) {
    path = "/sys/fs/cgroup" + PathOfSlice(value.substr(0, colon)) + "/" + resource + ".pressure";
  }
  return MatchesPressure(ReadOr(path), value);
}

// "kernel >= 6.1", "systemd >= 252"; the kernel when no name is given.
bool MatchesVersion(std::string_view value) {
  const auto words = unit::SplitWords(value);
  struct utsname system{};
  ::uname(&system);
  if (words.empty()) return false;
  const std::string_view rest =
      value.substr(static_cast<std::size_t>(words[0].data() - value.data()) + words[0].size());
  if (words[0] == "systemd") return MatchesKernelVersion(kSystemdVersion, rest);
  if (words[0] == "kernel") return MatchesKernelVersion(system.release, rest);
  if (words[0] == "glibc") return false;  // a static program has none to ask
  return MatchesKernelVersion(system.release, value);
}

bool IsModuleLoaded(std::string name) {
  std::ranges::replace(name, '-', '_');
  if (name.find('/') != std::string::npos || !Exists("/sys/module/" + name)) return false;
  // What is built in has no state.
  return ReadOr("/sys/module/" + name + "/initstate", "live\n") == "live\n";
}

bool HasCredential(const std::string& name) {
  if (name.find('/') != std::string::npos) return false;
  const char* const folder = ::getenv("CREDENTIALS_DIRECTORY");
  return (folder != nullptr && Exists(std::string(folder) + "/" + name)) ||
         Exists("/run/credentials/@system/" + name);
}

}  // namespace

std::optional<bool> EvaluateSystemCondition(const unit::Condition& condition) {
  const std::string& value = condition.value;
  switch (condition.kind) {
    case ConditionKind::kKernelVersion: {
      struct utsname system{};
      ::uname(&system);
      return MatchesKernelVersion(system.release, value);
    }
    case ConditionKind::kMemory:
      return MatchesAmount(PhysicalMemory(), value);
    case ConditionKind::kCpus:
      return MatchesAmount(Cpus(), value);
    case ConditionKind::kEnvironment:
      return MatchesEnvironment(value);
    case ConditionKind::kControlGroupController:
      return HasControllers(value);
    case ConditionKind::kSecurity:
      return HasSecurity(value);
    case ConditionKind::kHost:
      return MatchesHost(value);
    case ConditionKind::kGroup:
      return value == "root" || value == "0";  // PID 1's own
    case ConditionKind::kOsRelease:
      return MatchesOsRelease(ReadOr("/etc/os-release", ReadOr("/usr/lib/os-release")), value);
    case ConditionKind::kCpuFeature:
      return HasCpuFeature(value);
    case ConditionKind::kCpuPressure:
      return HasPressure("cpu", value);
    case ConditionKind::kMemoryPressure:
      return HasPressure("memory", value);
    case ConditionKind::kIoPressure:
      return HasPressure("io", value);
    case ConditionKind::kFirmware:
      return HasFirmware(value);
    case ConditionKind::kKernelModuleLoaded:
      return IsModuleLoaded(value);
    case ConditionKind::kCredential:
      return HasCredential(value);
    case ConditionKind::kVersion:
      return MatchesVersion(value);
    default:
      return std::nullopt;
  }
}

}  // namespace inro::guest
