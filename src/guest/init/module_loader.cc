#include "guest/init/module_loader.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/unique_fd.h"
#include "sys/file_source.h"
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

void ModuleLoader::LoadPaths(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    // The same module has the same name in the initrd and in the body.
    if (!tried_.insert(ModuleName(path)).second) continue;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
      if (errno != ENOENT) log_.Warning("module {}: {}", path, std::strerror(errno));
      continue;
    }
    if (::syscall(SYS_finit_module, fd.get(), "", 0) == 0) {
      ++loaded_;
    } else if (errno != EEXIST) {
      log_.Warning("module {}: {}", path, std::strerror(errno));
    }
  }
}

void ModuleLoader::LoadList(const std::string& path) {
  const auto text = sys::DiskFileSource().Read(path, kMaxList);
  if (text) LoadPaths(ParseModuleList(*text));
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
