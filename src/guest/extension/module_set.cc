#include "guest/extension/module_set.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sys/file.h"
#include "sys/kernel_module.h"

namespace inro::guest::extension {
namespace {

constexpr std::size_t kLargestIndex = 4 << 20;

// "kernel/drivers/md/dm-verity.ko" -> "dm_verity".
std::string ModuleName(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  name.resize(std::min(name.find(".ko"), name.size()));
  std::ranges::replace(name, '-', '_');
  return name;
}

void AddOnce(std::string path, std::vector<std::string>& paths) {
  if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
}

// The line of a module: itself, and all that it needs, the deepest last.
void AddLine(const std::string& folder, std::string_view path, std::string_view needs,
             std::vector<std::string>& paths) {
  while (!needs.empty()) {
    const std::size_t blank = needs.rfind(' ');
    const std::string_view word = needs.substr(blank == needs.npos ? 0 : blank + 1);
    if (!word.empty()) AddOnce(fmt::format("{}/{}", folder, word), paths);
    needs.remove_suffix(blank == needs.npos ? needs.size() : needs.size() - blank);
  }
  AddOnce(fmt::format("{}/{}", folder, path), paths);
}

Result<> LoadFile(const std::string& path) {
  errno = sys::LoadKernelModule(path);
  if (errno != 0 && errno != EEXIST) return FailErrno("load {}", path);
  return {};
}

}  // namespace

std::vector<std::string> ModuleFiles(const sys::FileSource& files, const std::string& folder,
                                     std::span<const std::string_view> names) {
  std::vector<std::string> paths;
  const std::string index = files.Read(folder + "/modules.dep", kLargestIndex).value_or("");
  for (const std::string_view name : names) {
    std::string_view rest = index;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::size_t colon = line.find(':');
      if (colon == line.npos || ModuleName(line.substr(0, colon)) != name) continue;
      AddLine(folder, line.substr(0, colon), line.substr(colon + 1), paths);
      break;
    }
  }
  return paths;
}

Result<> LoadModules(const sys::FileSource& files, std::span<const std::string_view> names) {
  struct utsname system{};
  ::uname(&system);
  const std::string folder = fmt::format("/usr/lib/modules/{}", system.release);
  for (const std::string& path : ModuleFiles(files, folder, names)) INRO_TRY(LoadFile(path));
  return {};
}

}  // namespace inro::guest::extension
