#include "guest/agent/kernel.h"

#include <fcntl.h>
#include <linux/random.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/scope_guard.h"
#include "sys/file.h"

namespace inro::guest::agent {
namespace {

constexpr const char* kModprobe = "/sbin/modprobe";

Result<> HoldNamespace(int flag, const std::string& name, const std::string& path,
                       const std::string& hostname) {
  if (::unshare(flag) != 0) return FailErrno("make a new {} namespace", name);
  if (!hostname.empty() && ::sethostname(hostname.data(), hostname.size()) != 0) {
    return FailErrno("set the host name {}", hostname);
  }
  INRO_TRY(sys::WriteFile(path, ""));
  ::umount2(path.c_str(), MNT_DETACH);  // of an earlier sandbox
  const std::string source = "/proc/thread-self/ns/" + name;
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return FailErrno("hold the {} namespace at {}", name, path);
  }
  return {};
}

}  // namespace

Result<> SystemKernel::SetTime(std::int64_t seconds, std::int64_t microseconds) {
  const timeval now{.tv_sec = seconds, .tv_usec = microseconds};
  if (::settimeofday(&now, nullptr) != 0) return FailErrno("set the clock to {}", seconds);
  return {};
}

Result<> SystemKernel::AddEntropy(std::string_view bytes) {
  INRO_ASSIGN(const UniqueFd random, sys::Open("/dev/random", O_WRONLY));
  INRO_TRY(sys::WriteAll(random.get(), bytes, "/dev/random"));
  const int count = static_cast<int>(bytes.size());
  if (::ioctl(random.get(), RNDADDTOENTCNT, &count) != 0) return FailErrno("credit entropy");
  if (::ioctl(random.get(), RNDRESEEDCRNG, 0) != 0) return FailErrno("reseed /dev/random");
  return {};
}

Result<> SystemKernel::LoadModule(const std::string& name,
                                  const std::vector<std::string>& parameters) {
  std::vector<std::string> words = {kModprobe, "-v", name};
  words.insert(words.end(), parameters.begin(), parameters.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  const ScopeGuard destroy([&] { ::posix_spawnattr_destroy(&attributes); });
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  errno = ::posix_spawn(&pid, kModprobe, nullptr, &attributes, argv.data(), environ);
  if (errno != 0) return FailErrno("start {}", kModprobe);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return FailErrno("wait for {}", kModprobe);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Fail("modprobe {} failed with status {}", name,
              WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

Result<> SystemKernel::HoldNamespaces(const std::string& folder, const std::string& hostname) {
  INRO_TRY(sys::MakeDirectories(folder));
  // A thread of its own enters the namespaces and ends; the agent stays where it is.
  Result<> held;
  std::thread([&] {
    held = HoldNamespace(CLONE_NEWIPC, "ipc", folder + "/ipc", "");
    if (held) held = HoldNamespace(CLONE_NEWUTS, "uts", folder + "/uts", hostname);
  }).join();
  return held;
}

}  // namespace inro::guest::agent
