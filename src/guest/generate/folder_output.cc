#include "guest/generate/folder_output.h"

#include <unistd.h>

#include <cerrno>

#include "sys/file.h"

namespace inro::guest::generate {
namespace {

// A topic may have put a word of the command line into a name.
Result<> CheckPath(std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.ends_with('/') ||
      path.find("..") != path.npos || path.find('\0') != path.npos) {
    return Fail("not a name for a generated file: {}", path);
  }
  return {};
}

}  // namespace

Result<> FolderOutput::Write(const std::string& folder, std::string_view path,
                             std::string_view text) {
  INRO_TRY(CheckPath(path));
  const std::string file = fmt::format("{}/{}", folder, path);
  INRO_TRY(sys::MakeDirectories(file.substr(0, file.rfind('/'))));
  return sys::WriteFile(file, text);
}

Result<> FolderOutput::WriteUnit(std::string_view name, std::string_view text) {
  return Write(units_, name, text);
}

Result<> FolderOutput::WriteRunFile(std::string_view path, std::string_view text) {
  return Write(run_, path, text);
}

Result<> FolderOutput::Want(std::string_view target, std::string_view unit) {
  return Link(fmt::format("{}.wants", target), unit);
}

Result<> FolderOutput::Require(std::string_view target, std::string_view unit) {
  return Link(fmt::format("{}.requires", target), unit);
}

Result<> FolderOutput::Link(std::string_view folder, std::string_view unit) {
  INRO_TRY(CheckPath(folder));
  INRO_TRY(CheckPath(unit));
  const std::string directory = fmt::format("{}/{}", units_, folder);
  INRO_TRY(sys::MakeDirectories(directory));
  const std::string link = fmt::format("{}/{}", directory, unit);
  // systemd takes the link's name, not its target, for the unit that is wanted.
  const std::string target = fmt::format("../{}", unit);
  if (::symlink(target.c_str(), link.c_str()) != 0 && errno != EEXIST) {
    return FailErrno("link {}", link);
  }
  return {};
}

}  // namespace inro::guest::generate
