#include "image/build/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ranges>

namespace inro::image {
namespace {

// Artifacts are readable by all, whatever the umask is: a hypervisor may run as another user.
constexpr mode_t kArtifactMode = 0644;

}  // namespace

Result<MadeFolders> MadeFolders::Make(const std::string& path) {
  std::vector<std::string> missing;
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string part = path.substr(0, end);
    if (!sys::Exists(part)) missing.push_back(std::move(part));
    if (end == std::string::npos) break;
  }
  MadeFolders made(std::move(missing));
  INRO_TRY(sys::MakeDirectories(path));
  return made;
}

void MadeFolders::RemoveEmpty(const std::vector<std::string>& paths) {
  for (const std::string& path : std::views::reverse(paths)) ::rmdir(path.c_str());
}

Result<Staging> Staging::Create(const std::string& out_dir, sys::Interrupt* interrupt) {
  INRO_ASSIGN(MadeFolders made, MadeFolders::Make(out_dir));
  INRO_ASSIGN(sys::TempDir folder, sys::TempDir::Create(".inro-build-", out_dir));
  sys::Interrupt::Registration registration;
  if (interrupt != nullptr) {
    registration = interrupt->On([path = folder.path(), made = made.paths()] {
      // The builder may be creating a file just now: then the folder is not empty at first.
      for (int attempt = 0; attempt < 3; ++attempt) {
        if (sys::RemoveAll(path)) break;
      }
      MadeFolders::RemoveEmpty(made);
      return sys::InterruptOutcome::kContinue;
    });
  }
  return Staging(out_dir, std::move(made), std::move(folder), std::move(registration));
}

Result<> Staging::Write(const std::string& name, std::string_view bytes) {
  return Make(name, [&](const std::string& path) { return sys::WriteFile(path, bytes); });
}

Result<> Staging::Make(const std::string& name,
                       const std::function<Result<>(const std::string&)>& fill) {
  const std::string path = folder_.path() + "/" + name;
  INRO_TRY(fill(path));
  if (::chmod(path.c_str(), kArtifactMode) != 0) return FailErrno("set the mode of {}", path);
  names_.push_back(name);
  return {};
}

Result<> Staging::Publish() {
  for (const std::string& name : names_) {
    const std::string from = folder_.path() + "/" + name;
    const std::string to = out_dir_ + "/" + name;
    if (::rename(from.c_str(), to.c_str()) != 0) return FailErrno("rename {} to {}", from, to);
  }
  names_.clear();
  return {};
}

}  // namespace inro::image
