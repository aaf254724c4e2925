#include "guest/control/process_group.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "sys/directory.h"
#include "sys/file.h"

namespace inro::guest::control {
namespace {

constexpr std::string_view kPrefix = "exec-";

// Groups below it are taken along: a program may have made some.
void RemoveGroups(const std::string& folder) {
  if (const auto names = sys::ListDirectory(folder)) {
    for (const std::string& name : *names) {
      const std::string path = fmt::format("{}/{}", folder, name);
      struct stat info{};
      if (::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) RemoveGroups(path);
    }
  }
  ::rmdir(folder.c_str());
}

}  // namespace

std::string OwnControlGroup(const std::string& root) {
  const auto table = sys::ReadFile("/proc/self/cgroup");
  if (!table) return {};
  // The line of version 2 is "0::/path".
  const std::size_t line = table->starts_with("0::") ? 0 : table->find("\n0::");
  if (line == std::string::npos) return {};
  const std::size_t start = table->find("0::", line) + 3;
  std::string own = root + table->substr(start, table->find('\n', start) - start);
  while (own.ends_with('/')) own.pop_back();
  if (!sys::Exists(own + "/cgroup.procs")) return {};
  if (const auto names = sys::ListDirectory(own)) {
    for (const std::string& name : *names) {
      if (name.starts_with(kPrefix)) RemoveGroups(fmt::format("{}/{}", own, name));
    }
  }
  return own;
}

ProcessGroup::ProcessGroup(const std::string& parent, std::uint64_t id) {
  if (parent.empty()) return;
  std::string path = fmt::format("{}/{}{}", parent, kPrefix, id);
  if (::mkdir(path.c_str(), 0755) != 0) return;
  folder_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  path_ = std::move(path);
}

ProcessGroup::~ProcessGroup() { Remove(); }

bool ProcessGroup::Remove() {
  folder_.reset();
  if (path_.empty()) return true;
  RemoveGroups(path_);
  if (sys::Exists(path_)) return false;
  path_.clear();
  return true;
}

void ProcessGroup::Kill(pid_t leader) {
  if (leader > 0) ::kill(-leader, SIGKILL);
  if (path_.empty()) return;
  // cgroup.kill is there since Linux 5.14.
  if (sys::Exists(path_ + "/cgroup.kill")) {
    (void)sys::WriteFile(path_ + "/cgroup.kill", "1");
    return;
  }
  // One that forks meanwhile is met in the next round.
  for (int round = 0; round < 8; ++round) {
    const auto members = sys::ReadFile(path_ + "/cgroup.procs");
    if (!members || members->empty()) return;
    const char* at = members->data();
    const char* const end = at + members->size();
    while (at < end) {
      pid_t pid = 0;
      const auto parsed = std::from_chars(at, end, pid);
      if (parsed.ec == std::errc() && pid > 1) ::kill(pid, SIGKILL);
      at = parsed.ptr + 1;
    }
  }
}

}  // namespace inro::guest::control
