#include "guest/init/conditions.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <string_view>

#include "base/scope_guard.h"
#include "guest/init/condition_system.h"
#include "guest/init/hypervisor.h"
#include "guest/init/path_glob.h"
#include "sys/file_source.h"
#include "sys/mounts.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

using unit::ConditionKind;

bool IsNotEmptyDirectory(const char* path) {
  DIR* directory = ::opendir(path);
  if (directory == nullptr) return false;
  const ScopeGuard close([&] { ::closedir(directory); });
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return true;
  }
  return false;
}

// A file system on a device that the device mapper decrypts.
bool IsEncrypted(const char* path) {
  struct stat info{};
  if (::stat(path, &info) != 0) return false;
  const auto uuid = sys::DiskFileSource().Read(
      fmt::format("/sys/dev/block/{}:{}/dm/uuid", major(info.st_dev), minor(info.st_dev)), 256);
  return uuid && uuid->starts_with("CRYPT-");
}

bool MatchesArchitecture(std::string_view value) {
  struct utsname system{};
  ::uname(&system);
  const std::string_view machine = system.machine;
  if (value == "x86-64") return machine == "x86_64";
  if (value == "arm64") return machine == "aarch64";
  if (value == "native") return true;
  return value == machine;
}

}  // namespace

bool EvaluateCondition(const unit::Condition& condition, const unit::KernelCommandLine& line) {
  const char* path = condition.value.c_str();
  struct stat info{};
  switch (condition.kind) {
    case ConditionKind::kKernelCommandLine:
      return line.Matches(condition.value);
    case ConditionKind::kPathExists:
      return ::access(path, F_OK) == 0;
    case ConditionKind::kPathExistsGlob:
      return !MatchPaths(sys::DiskFileSource(), condition.value, 1).empty();
    case ConditionKind::kPathIsDirectory:
      return ::stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    case ConditionKind::kPathIsSymbolicLink:
      return ::lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
    case ConditionKind::kPathIsMountPoint:
      return sys::SystemMounts().IsMountPoint(condition.value);
    case ConditionKind::kPathIsReadWrite: {
      struct statvfs system{};
      return ::statvfs(path, &system) == 0 && (system.f_flag & ST_RDONLY) == 0;
    }
    case ConditionKind::kPathIsSocket:
      return ::stat(path, &info) == 0 && S_ISSOCK(info.st_mode);
    case ConditionKind::kPathIsEncrypted:
      return IsEncrypted(path);
    case ConditionKind::kDirectoryNotEmpty:
      return IsNotEmptyDirectory(path);
    case ConditionKind::kFileNotEmpty:
      return ::stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
    case ConditionKind::kFileIsExecutable:
      return ::stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
    case ConditionKind::kCapability: {
      const auto capability = unit::ParseCapability(condition.value);
      return capability && ::prctl(PR_CAPBSET_READ, *capability, 0, 0, 0) == 1;
    }
    case ConditionKind::kVirtualization:
      // A guest of a virtual machine is what this init is for.
      return condition.value == "vm" || condition.value == Hypervisor() ||
             unit::ParseBool(condition.value) == true;
    case ConditionKind::kArchitecture:
      return MatchesArchitecture(condition.value);
    case ConditionKind::kUser:
      return condition.value == "root" || condition.value == "0" || condition.value == "@system";
    // A guest's tree is complete and the same at every boot.
    case ConditionKind::kFirstBoot:
      return unit::ParseBool(condition.value) == false;
    case ConditionKind::kNeedsUpdate:
      return false;
    case ConditionKind::kACPower:
      return unit::ParseBool(condition.value).value_or(true);
    default:
      return EvaluateSystemCondition(condition).value_or(false);
  }
  return false;
}

}  // namespace inro::guest
