#include "image/definition/definition.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>

#include "sys/file.h"

namespace inro::image {

int Definition::LineOf(std::string_view key) const {
  while (true) {
    if (const auto found = lines.find(std::string(key)); found != lines.end()) return found->second;
    const std::size_t dot = key.rfind('.');
    if (dot == std::string_view::npos) return 0;
    key = key.substr(0, dot);
  }
}

int Definition::LineOfElement(std::string_view key, const std::vector<std::string>& list,
                              std::string_view value) const {
  const auto found = std::find(list.begin(), list.end(), value);
  if (found == list.end()) return LineOf(key);
  return LineOf(fmt::format("{}.{}", key, found - list.begin()));
}

std::unexpected<Error> Definition::ErrorAt(std::string_view key, std::string message) const {
  return std::unexpected(Error::InFile(file, LineOf(key), std::move(message)));
}

Result<Definition> LoadDefinition(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    return std::unexpected(
        Error::InFile(path, 0, "no such definition: name an image.toml, or a folder that has one"));
  }
  std::string file = path;
  if (S_ISDIR(status.st_mode)) {
    while (file.size() > 1 && file.ends_with('/')) file.pop_back();
    file += "/image.toml";
    if (!sys::Exists(file)) {
      return std::unexpected(
          Error::InFile(path, 0, "the folder has no image.toml: add one, or name another folder"));
    }
  }
  constexpr std::size_t kLargest = 1 << 20;
  auto text = sys::ReadFile(file, kLargest);
  if (!text) {
    return std::unexpected(Error::InFile(file, 0, "cannot be read: " + text.error().ToString()));
  }
  char real[PATH_MAX];
  if (realpath(file.c_str(), real) == nullptr) return FailErrno("find the folder of {}", file);
  std::string folder(real);
  folder.resize(std::max<std::size_t>(1, folder.rfind('/')));
  return ParseDefinition(*text, std::move(file), std::move(folder));
}

}  // namespace inro::image
