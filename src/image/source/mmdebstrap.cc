#include "image/source/mmdebstrap.h"

#include <sys/stat.h>

#include <chrono>
#include <future>

#include "image/source/archive_sources.h"
#include "image/source/tar.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

constexpr std::chrono::minutes kPatience{60};
constexpr std::chrono::milliseconds kLook{500};

// mmdebstrap's and apt's own errors out of what was printed, else its last lines.
std::string ErrorLines(const std::string& text) {
  std::string errors;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.starts_with("E:")) errors += (errors.empty() ? "" : "; ") + std::string(line);
    at = end + 1;
  }
  constexpr std::size_t kTail = 600;
  if (errors.empty()) return text.size() > kTail ? text.substr(text.size() - kTail) : text;
  return errors;
}

}  // namespace

Result<std::vector<std::string>> MmdebstrapCommand(const AptOptions& options,
                                                   const std::string& tar) {
  if (options.packages.empty()) return FailAs(ErrorKind::kBadInput, "no packages are wanted");
  if (!options.exclude.empty()) {
    return FailAs(ErrorKind::kBadInput,
                  "source kind mmdebstrap cannot exclude packages: dpkg would not configure what "
                  "depends on them; use source kind apt");
  }
  INRO_ASSIGN(const std::vector<ListSource> sources, ArchiveSources(options));
  std::vector<std::string> command = {
      "mmdebstrap",
      "--mode=auto",
      "--variant=essential",
      "--format=tar",
      "--architectures=" + options.architecture,
      "--components=" + fmt::format("{}", fmt::join(options.components, ",")),
      "--keyring=" + options.keyring,
      "--aptopt=APT::Install-Recommends \"false\"",
      "--include=" + fmt::format("{}", fmt::join(options.packages, ",")),
      "--",
      options.suite,
      tar,
  };
  for (const ListSource& source : sources) {
    command.push_back(fmt::format("deb [signed-by={}] {} {} {}", options.keyring, source.uri,
                                  source.suite, fmt::join(options.components, " ")));
  }
  return command;
}

Result<SourceTree> BuildMmdebstrap(const AptOptions& options, Progress& progress) {
  INRO_ASSIGN(const sys::TempDir folder, sys::TempDir::Create("mmdebstrap"));
  const std::string tar = folder.path() + "/root.tar";
  INRO_ASSIGN(const std::vector<std::string> command, MmdebstrapCommand(options, tar));
  progress.Step(fmt::format("mmdebstrap {}", options.suite));
  sys::RunOptions run;
  run.timeout = kPatience;
  std::future<Result<sys::RunOutput>> running =
      std::async(std::launch::async, [&] { return sys::Run(command, run); });
  while (running.wait_for(kLook) != std::future_status::ready) {
    struct stat status{};
    const bool begun = stat(tar.c_str(), &status) == 0;
    progress.Update(begun ? static_cast<std::uint64_t>(status.st_size) : 0, 0, "B");
  }
  const Result<sys::RunOutput> output = running.get();
  if (!output && output.error().kind() == ErrorKind::kNotFound) {
    return Fail("mmdebstrap is not installed; install Debian's package mmdebstrap");
  }
  if (!output) return std::unexpected(output.error());
  if (output->status != 0) {
    return Fail("mmdebstrap failed (status {}): {}", output->status, ErrorLines(output->err));
  }
  return ImportTar(tar, progress);
}

}  // namespace inro::image
