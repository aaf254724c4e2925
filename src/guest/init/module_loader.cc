#include "guest/init/module_loader.h"

#include <pthread.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "sys/file_source.h"
#include "sys/kernel_module.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr std::size_t kMaxList = 4 << 20;

// "kernel/net/vmw-vsock/vsock.ko.xz" -> "vsock"; "-" and "_" are the same.
std::string ModuleName(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  name.resize(std::min(name.find(".ko"), name.size()));
  std::ranges::replace(name, '-', '_');
  return name;
}

constexpr std::size_t kMaxThreads = 3;

// Modules that one thread loads, in order, and what came of it.
struct Lane {
  std::vector<std::string> paths;
  int loaded = 0;
  std::vector<std::pair<std::string, int>> failed;  // with errno
};

void* RunLane(void* argument) {
  Lane& lane = *static_cast<Lane*>(argument);
  for (const std::string& path : lane.paths) {
    const int err = sys::LoadKernelModule(path);
    if (err == 0) {
      ++lane.loaded;
    } else if (err != EEXIST && err != ENOENT) {
      lane.failed.emplace_back(path, err);
    }
  }
  return nullptr;
}

template <class F>
void ForEachLine(std::string_view text, F function) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = unit::Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.front() != '#' && line.front() != ';') function(line);
  }
}

}  // namespace

std::vector<std::string> ParseModuleList(std::string_view text) {
  std::vector<std::string> paths;
  ForEachLine(text, [&](std::string_view line) {
    paths.push_back(line.front() == '/' ? std::string(line) : "/" + std::string(line));
  });
  return paths;
}

std::vector<std::vector<std::string>> ParseModuleGroups(std::string_view text) {
  std::vector<std::vector<std::string>> groups(1);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (unit::Trim(line).empty()) {
      if (!groups.back().empty()) groups.emplace_back();
      continue;
    }
    for (std::string& path : ParseModuleList(line)) groups.back().push_back(std::move(path));
  }
  if (groups.back().empty()) groups.pop_back();
  return groups;
}

std::vector<std::string> ModuleLoader::TakeUntried(const std::vector<std::string>& paths) {
  std::vector<std::string> untried;
  for (const std::string& path : paths) {
    // The same module has the same name in the initrd and in the body.
    if (tried_.insert(ModuleName(path)).second) untried.push_back(path);
  }
  return untried;
}

void ModuleLoader::LoadPaths(const std::vector<std::string>& paths) { LoadGroups({paths}); }

void ModuleLoader::LoadGroups(const std::vector<std::vector<std::string>>& groups) {
  std::vector<Lane> lanes;
  for (const auto& group : groups) {
    Lane lane;
    lane.paths = TakeUntried(group);
    if (!lane.paths.empty()) lanes.push_back(std::move(lane));
  }
  std::vector<pthread_t> threads;
  for (std::size_t i = 1; i < lanes.size(); ++i) {
    pthread_t thread;
    if (threads.size() < kMaxThreads &&
        ::pthread_create(&thread, nullptr, RunLane, &lanes[i]) == 0) {
      threads.push_back(thread);
    } else {
      RunLane(&lanes[i]);
    }
  }
  if (!lanes.empty()) RunLane(&lanes.front());
  for (const pthread_t thread : threads) ::pthread_join(thread, nullptr);
  for (const Lane& lane : lanes) {
    loaded_ += lane.loaded;
    for (const auto& [path, err] : lane.failed) {
      log_.Warning("module {}: {}", path, std::strerror(err));
    }
  }
}

void ModuleLoader::LoadList(const std::string& path) {
  const auto text = sys::DiskFileSource().Read(path, kMaxList);
  if (text) LoadGroups(ParseModuleGroups(*text));
}

bool ModuleLoader::LoadByName(std::string_view name) {
  const std::string wanted = ModuleName(name);
  if (tried_.contains(wanted)) return true;
  struct utsname system{};
  ::uname(&system);
  const std::string base = std::string("/usr/lib/modules/") + system.release + "/";
  const auto text = sys::DiskFileSource().Read(base + "modules.dep", kMaxList);
  if (!text) return false;
  // modules.dep lists all dependencies of a module, the deepest last.
  std::vector<std::string> paths;
  ForEachLine(*text, [&](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (!paths.empty() || colon == std::string_view::npos) return;
    if (ModuleName(line.substr(0, colon)) != wanted) return;
    for (const auto word : unit::SplitWords(line.substr(colon + 1))) {
      paths.push_back(base + std::string(word));
    }
    std::ranges::reverse(paths);
    paths.push_back(base + std::string(line.substr(0, colon)));
  });
  LoadPaths(paths);
  return !paths.empty();
}

void ModuleLoader::LoadConfigured() {
  const sys::DiskFileSource files;
  std::map<std::string, std::string> chosen;  // a name in /etc hides the same in /usr/lib
  for (const char* folder :
       {"/etc/modules-load.d", "/run/modules-load.d", "/usr/lib/modules-load.d"}) {
    for (const std::string& file : files.List(folder)) {
      if (file.ends_with(".conf")) {
        chosen.try_emplace(file, std::string(folder) + "/" + file);
      }
    }
  }
  for (const auto& [file, path] : chosen) {
    const auto text = files.Read(path, kMaxList);
    if (!text) continue;
    ForEachLine(*text, [&](std::string_view line) { LoadByName(line); });
  }
}

}  // namespace inro::guest
