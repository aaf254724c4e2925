#include "guest/init/control_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/scope_guard.h"
#include "guest/init/group_resources.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr std::string_view kDefaultSlice = "system.slice";
constexpr const char* kControlName = "/.control";
constexpr std::size_t kMaxProcesses = 65536;
constexpr int kMaxDepth = 32;
// Reads of a group that is to be signalled, and the pause while it does not stand still yet.
constexpr int kMostPasses = 200;
constexpr useconds_t kPassPauseUs = 1000;

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

// Calls `visit` for the path of each group below.
template <class F>
void ForEachGroupIn(const std::string& path, const F& visit) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return;
  const ScopeGuard close([&] { ::closedir(directory); });
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      visit(path + "/" + entry->d_name);
    }
  }
}

void RemoveGroup(const std::string& path, int depth) {
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT || depth > kMaxDepth) return;
  ForEachGroupIn(path, [&](const std::string& below) { RemoveGroup(below, depth + 1); });
  ::rmdir(path.c_str());
}

void AddProcesses(const std::string& path, int depth, std::vector<pid_t>& pids) {
  const std::string text = ReadText(path + "/cgroup.procs");
  for (const std::string_view word : unit::SplitWords(text)) {
    const auto pid = unit::ParseNumber<pid_t>(word);
    if (pid && *pid > 1 && pids.size() < kMaxProcesses) pids.push_back(*pid);
  }
  if (depth > kMaxDepth) return;
  ForEachGroupIn(path, [&](const std::string& below) { AddProcesses(below, depth + 1, pids); });
}

void HandOver(const std::string& path, const ControlGroups::Owner& owner) {
  for (const char* file :
       {"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads", "/memory.oom.group"}) {
    // A file that this kernel lacks, or that stays root's, shows when the owner uses it.
    static_cast<void>(::chown((path + file).c_str(), owner.uid, owner.gid) == 0);
  }
}

}  // namespace

const unit::ExecSettings* ExecSettingsOf(const unit::Unit& unit) {
  if (unit.service) return &unit.service->exec;
  if (unit.socket) return &unit.socket->exec;
  if (unit.mount) return &unit.mount->exec;
  return nullptr;
}

std::string PathOfSlice(std::string_view slice) {
  if (slice.empty()) slice = kDefaultSlice;
  std::string path;
  if (!slice.ends_with(".slice") || slice == "-.slice") return path;
  const std::string_view stem = slice.substr(0, slice.size() - 6);
  for (std::size_t dash = 0; dash != std::string_view::npos;) {
    dash = stem.find('-', dash + 1);
    path += "/" + std::string(stem.substr(0, dash)) + ".slice";
  }
  return path;
}

std::string ControlGroups::PathOf(const unit::Unit& unit) const {
  const unit::ExecSettings* const exec = ExecSettingsOf(unit);
  return root_ + PathOfSlice(exec != nullptr ? exec->resources.slice : "") + "/" + unit.name;
}

Result<> ControlGroups::MakeSlices(std::string_view slice, const FindUnit& find,
                                   std::vector<std::string>& notes) const {
  const std::string path = PathOfSlice(slice);
  for (std::size_t end = 0; end < path.size();) {
    end = path.find('/', end + 1);
    const std::string folder = root_ + path.substr(0, end);
    if (::mkdir(folder.c_str(), 0755) != 0) {
      if (errno != EEXIST) return FailErrno("make {}", folder);
      continue;
    }
    if (version_ != CgroupVersion::kV2 || !find) continue;
    const unit::Unit* const unit = find(folder.substr(folder.rfind('/') + 1));
    if (unit != nullptr && unit->slice) {
      ApplyResources(root_, folder, *unit->slice, false, notes);
    }
  }
  return {};
}

Result<ControlGroups::Opened> ControlGroups::Open(const unit::Unit& unit,
                                                  const unit::ResourceSettings& resources,
                                                  bool control, const Owner& owner,
                                                  const FindUnit& find) const {
  Opened opened;
  if (root_.empty()) return opened;
  std::string path = PathOf(unit);
  int made = ::mkdir(path.c_str(), 0755);
  if (made != 0 && errno == ENOENT) {
    INRO_TRY(MakeSlices(resources.slice, find, opened.notes));
    made = ::mkdir(path.c_str(), 0755);
  }
  if (made != 0 && errno != EEXIST) return FailErrno("make {}", path);
  if (made == 0 && version_ == CgroupVersion::kV2) {
    ApplyResources(root_, path, resources, true, opened.notes);
    if (unit.service && unit.service->oom_policy == unit::OomPolicy::kKill &&
        !WriteText(path + "/memory.oom.group", "1")) {
      opened.notes.emplace_back("OOMPolicy=kill has no effect: there is no memory.oom.group");
    }
    if (resources.delegate) {
      EnableControllers(root_, path, kAllControllers);
      if (owner.uid != 0 || owner.gid != 0) HandOver(path, owner);
    }
  }
  if (control && resources.delegate && version_ == CgroupVersion::kV2) {
    path += kControlName;
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return FailErrno("make {}", path);
  }
  opened.directory.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.directory) return FailErrno("open {}", path);
  return opened;
}

std::string ControlGroups::ProcsFile(const unit::Unit& unit, bool control) const {
  if (root_.empty()) return "";
  const unit::ExecSettings* const exec = ExecSettingsOf(unit);
  const bool beside =
      control && exec != nullptr && exec->resources.delegate && version_ == CgroupVersion::kV2;
  return PathOf(unit) + (beside ? kControlName : "") + "/cgroup.procs";
}

bool ControlGroups::IsEmpty(const unit::Unit& unit) const {
  if (root_.empty()) return true;
  if (version_ == CgroupVersion::kV1) return Processes(unit).empty();
  // "populated" counts the groups below too: a service may have made some.
  return ReadText(PathOf(unit) + "/cgroup.events").find("populated 1") == std::string::npos;
}

std::vector<pid_t> ControlGroups::Processes(const unit::Unit& unit) const {
  std::vector<pid_t> pids;
  if (!root_.empty()) AddProcesses(PathOf(unit), 0, pids);
  return pids;
}

void ControlGroups::Kill(const unit::Unit& unit, int signal, pid_t except) const {
  if (root_.empty()) return;
  if (signal == SIGKILL && version_ == CgroupVersion::kV2 &&
      WriteText(PathOf(unit) + "/cgroup.kill", "1")) {
    return;
  }
  std::vector<pid_t> signalled{except};
  const auto signal_others = [&] {
    bool news = false;
    for (const pid_t pid : Processes(unit)) {
      const auto at = std::ranges::lower_bound(signalled, pid);
      if (at != signalled.end() && *at == pid) continue;
      signalled.insert(at, pid);
      news = ::kill(pid, signal) == 0 || news;
      if (signal != SIGKILL) ::kill(pid, SIGCONT);
    }
    return news;
  };
  const std::vector<pid_t> first = Processes(unit);
  if (std::ranges::all_of(first, [&](pid_t pid) { return pid == except; })) return;
  // Others may fork faster than they can be read: they stand still meanwhile, and act on the signal
  // after it. One in the middle of a fork, or of a read from a disk, takes a moment to stand.
  const std::string path = PathOf(unit);
  const bool freezes = version_ == CgroupVersion::kV2 && WriteText(path + "/cgroup.freeze", "1");
  const ScopeGuard thaw([&] {
    if (freezes) WriteText(path + "/cgroup.freeze", "0");
  });
  for (int pass = 0; pass < kMostPasses; ++pass) {
    const bool stands =
        !freezes || ReadText(path + "/cgroup.events").find("frozen 1") != std::string::npos;
    if (!signal_others() && stands) return;
    if (!stands) ::usleep(kPassPauseUs);
  }
}

void ControlGroups::Remove(const unit::Unit& unit) const {
  if (!root_.empty()) RemoveGroup(PathOf(unit), 0);
}

std::string ControlGroups::UnitOf(pid_t pid) const {
  if (root_.empty()) return "";
  const std::string text = ReadText(fmt::format("/proc/{}/cgroup", pid), 16384);
  const std::string_view prefix = version_ == CgroupVersion::kV2 ? "0::" : ":name=systemd:";
  const std::size_t line = text.find(prefix);
  if (line == std::string::npos) return "";
  std::string_view rest = std::string_view(text).substr(line + prefix.size());
  rest = rest.substr(0, rest.find('\n'));
  // The first folder after the slices.
  bool in_slice = false;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (name.ends_with(".slice")) {
      in_slice = true;
    } else if (in_slice) {
      return std::string(name);
    }
    rest.remove_prefix(name.size());
  }
  return "";
}

bool ControlGroups::HadOomKill(const unit::Unit& unit) const {
  if (root_.empty() || version_ != CgroupVersion::kV2) return false;
  const std::string text = ReadText(PathOf(unit) + "/memory.events", 4096);
  const std::size_t at = text.find("oom_kill ");
  return at != std::string::npos && text.compare(at + 9, 2, "0\n") != 0;
}

}  // namespace inro::guest
