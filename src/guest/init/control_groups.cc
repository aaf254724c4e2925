#include "guest/init/control_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/scope_guard.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr std::string_view kSlice = "/system.slice";

// Up to `limit` bytes of a file of the kernel's.
std::string ReadText(const std::string& path, std::size_t limit = 1 << 20) {
  std::string text;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  while (fd && text.size() < limit) {
    const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
    if (size <= 0) break;
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

bool WriteText(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void RemoveGroup(const std::string& path, int depth) {
  constexpr int kMaxDepth = 32;
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT || depth > kMaxDepth) return;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return;
  const ScopeGuard close([&] { ::closedir(directory); });
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    RemoveGroup(path + "/" + entry->d_name, depth + 1);
  }
  ::rmdir(path.c_str());
}

}  // namespace

std::string ControlGroups::PathOf(std::string_view unit) const {
  return root_ + std::string(kSlice) + "/" + std::string(unit);
}

Result<UniqueFd> ControlGroups::Open(std::string_view unit) const {
  if (root_.empty()) return UniqueFd();
  const std::string slice = root_ + std::string(kSlice);
  ::mkdir(slice.c_str(), 0755);
  const std::string path = PathOf(unit);
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return FailErrno("make {}", path);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno("open {}", path);
  return fd;
}

std::string ControlGroups::ProcsFile(std::string_view unit) const {
  return root_.empty() ? std::string() : PathOf(unit) + "/cgroup.procs";
}

bool ControlGroups::IsEmpty(std::string_view unit) const {
  if (root_.empty()) return true;
  if (version_ == CgroupVersion::kV1) return Processes(unit).empty();
  // "populated" counts the groups below too: a service may have made some.
  return ReadText(PathOf(unit) + "/cgroup.events").find("populated 1") == std::string::npos;
}

std::vector<pid_t> ControlGroups::Processes(std::string_view unit) const {
  std::vector<pid_t> pids;
  if (root_.empty()) return pids;
  const std::string text = ReadText(ProcsFile(unit));
  for (const std::string_view word : unit::SplitWords(text)) {
    const auto pid = unit::ParseNumber<pid_t>(word);
    if (pid && *pid > 1 && pids.size() < 65536) pids.push_back(*pid);
  }
  return pids;
}

void ControlGroups::Kill(std::string_view unit, int signal, pid_t except) const {
  if (root_.empty()) return;
  if (signal == SIGKILL && version_ == CgroupVersion::kV2 &&
      WriteText(PathOf(unit) + "/cgroup.kill", "1")) {
    return;
  }
  for (const pid_t pid : Processes(unit)) {
    if (pid == except) continue;
    ::kill(pid, signal);
    if (signal != SIGKILL) ::kill(pid, SIGCONT);
  }
}

void ControlGroups::Remove(std::string_view unit) const {
  if (!root_.empty()) RemoveGroup(PathOf(unit), 0);
}

std::string ControlGroups::UnitOf(pid_t pid) const {
  if (root_.empty()) return "";
  const std::string text = ReadText(fmt::format("/proc/{}/cgroup", pid), 16384);
  const std::string marker = std::string(kSlice) + "/";
  const std::size_t at = text.find(marker);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + marker.size();
  return text.substr(begin, text.find_first_of("/\n", begin) - begin);
}

}  // namespace inro::guest
