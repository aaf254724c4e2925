#include "guest/init/generators.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"
#include "guest/init/hypervisor.h"
#include "sys/spawn.h"
#include "unit/value.h"

namespace inro::guest {
namespace {

constexpr std::string_view kSuffixes[] = {"", ".early", ".late"};
constexpr int kMaxDepth = 4;  // NAME.wants/LINK is 2

// The content of a folder on a tmpfs that only init and generators write.
void Empty(int parent, const char* path, int depth) {
  const int fd = ::openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  DIR* folder = ::fdopendir(fd);
  if (folder == nullptr) {
    ::close(fd);
    return;
  }
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (::unlinkat(fd, entry->d_name, 0) == 0 || depth == 0) continue;
    Empty(fd, entry->d_name, depth - 1);
    ::unlinkat(fd, entry->d_name, AT_REMOVEDIR);
  }
  ::closedir(folder);
}

bool IsExecutable(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
         (status.st_mode & 0111) != 0;
}

}  // namespace

std::vector<Generator> FindGenerators(const sys::FileSource& files,
                                      const GeneratorSettings& settings) {
  std::map<std::string, Generator> found;
  for (const std::string& folder : settings.folders) {
    for (const std::string& name : files.List(folder)) {
      const auto [entry, fresh] = found.try_emplace(name);
      if (!fresh) continue;
      const std::string path = folder + "/" + name;
      const auto link = files.ReadLink(path);
      // A mask leaves the path empty.
      if (!IsExecutable(path)) continue;
      entry->second.path = path;
      entry->second.own =
          settings.own != nullptr && link &&
          std::string_view(*link).substr(link->rfind('/') + 1) == settings.own_target;
    }
  }
  std::vector<Generator> result;
  for (auto& [name, generator] : found) {
    if (!generator.path.empty()) result.push_back(std::move(generator));
  }
  return result;
}

void AddGeneratorVariables(unit::Environment& environment) {
  struct utsname system{};
  ::uname(&system);
  const std::string_view machine = system.machine;
  const std::string_view architecture = machine == "x86_64"    ? "x86-64"
                                        : machine == "aarch64" ? "arm64"
                                                               : machine;
  for (const std::string& variable :
       {std::string("SYSTEMD_SCOPE=system"), std::string("SYSTEMD_IN_INITRD=0"),
        std::string("SYSTEMD_FIRST_BOOT=0"),
        fmt::format("SYSTEMD_VIRTUALIZATION=vm:{}", Hypervisor()),
        fmt::format("SYSTEMD_ARCHITECTURE={}", architecture)}) {
    unit::SetVariable(environment, variable);
  }
}

void Generators::Start(Time now) {
  if (settings_.output.empty()) return;
  const std::vector<Generator> generators = FindGenerators(sys::DiskFileSource(), settings_);
  for (const std::string_view suffix : kSuffixes) {
    const std::string path = fmt::format("{}{}", settings_.output, suffix);
    Empty(AT_FDCWD, path.c_str(), kMaxDepth);
    if (generators.empty()) {
      ::rmdir(path.c_str());
    } else if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
      log_.Error("make {}: {}", path, std::strerror(errno));
    }
  }
  if (generators.empty()) return;
  const UniqueFd output(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
  for (const Generator& generator : generators) {
    const std::string name = generator.path.substr(generator.path.rfind('/') + 1);
    const auto pid = Run(generator, output.get());
    if (pid) {
      children_[*pid] = name;
    } else {
      log_.Error("generator {}: {}", name, pid.error().ToString());
    }
  }
  deadline_ = now + settings_.limit;
  killed_ = false;
}

Result<pid_t> Generators::Run(const Generator& generator, int output) const {
  std::vector<std::string> arguments{generator.path};
  for (const std::string_view suffix : kSuffixes) {
    arguments.push_back(fmt::format("{}{}", settings_.output, suffix));
  }
  if (!generator.own) {
    sys::SpawnRequest request;
    request.program = generator.path;
    request.argv = std::move(arguments);
    request.environment = environment_;
    AddGeneratorVariables(request.environment);
    const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (output >= 0) request.streams = {null.get(), output, output};
    return sys::Spawn(request);
  }
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno("start a process");
  if (pid > 0) return pid;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  if (output >= 0) {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
  }
  std::array<char*, 5> argv{};
  for (std::size_t i = 0; i < arguments.size(); ++i) argv[i] = arguments[i].data();
  ::_exit(settings_.own(static_cast<int>(arguments.size()), argv.data()));
}

bool Generators::OnExit(pid_t pid, int status) {
  const auto found = children_.find(pid);
  if (found == children_.end()) return false;
  const std::string& name = found->second;
  if (killed_) {
    log_.Error("generator {}: killed: it ran longer than {} s", name,
               settings_.limit.count() / 1'000'000);
  } else if (WIFSIGNALED(status)) {
    log_.Error("generator {}: killed by signal {}", name, WTERMSIG(status));
  } else if (WEXITSTATUS(status) != 0) {
    log_.Error("generator {}: exit status {}", name, WEXITSTATUS(status));
  }
  children_.erase(found);
  return true;
}

void Generators::OnTime(Time now) {
  if (!running() || now < deadline_) return;
  if (std::exchange(killed_, true)) {
    // One in an uninterruptible sleep is not waited for.
    for (const auto& [pid, name] : children_) log_.Error("generator {}: does not die", name);
    children_.clear();
    return;
  }
  for (const auto& [pid, name] : children_) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
  }
  constexpr Time kGrace{1'000'000};
  deadline_ = now + kGrace;
}

}  // namespace inro::guest
