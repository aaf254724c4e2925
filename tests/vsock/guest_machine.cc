#include "vsock/guest_machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "sys/file.h"
#include "vmm/guest/host.h"
#include "vmm/vsock/vsock_device.h"

namespace inro::vsock_guest {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kDeviceWord = "--serve-vsock-device";
constexpr std::string_view kReady = "guest_vsock: ready";

std::size_t Count(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++count;
  return count;
}

// Both devices make their sockets before they serve.
Result<Child> Serving(Result<Child> child, const vmm::RunPaths& paths, const std::string& log) {
  if (!child) return child;
  for (int i = 0; i < 500; ++i) {
    if (sys::Exists(paths.vhost_socket())) return child;
    if (!child->Running()) break;
    std::this_thread::sleep_for(10ms);
  }
  return Fail("the vsock device did not start: {}", sys::ReadFile(log).value_or(""));
}

}  // namespace

Result<Child> Child::Start(const std::vector<std::string>& argv, const std::string& log,
                           unsigned cpu_seconds) {
  INRO_ASSIGN(const UniqueFd out, sys::Open(log, O_WRONLY | O_CREAT | O_APPEND));
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return FailErrno("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    if (cpu_seconds > 0) {
      const rlimit limit{cpu_seconds, cpu_seconds};
      setrlimit(RLIMIT_CPU, &limit);
    }
    dup2(out.get(), STDOUT_FILENO);
    dup2(out.get(), STDERR_FILENO);
    execvp(words[0], words.data());
    _exit(127);
  }
  return Child(pid);
}

void Child::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Child::Signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

std::optional<int> Child::Wait(std::chrono::milliseconds limit) {
  if (pid_ <= 0) return 0;
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return status;
    }
    if (std::chrono::steady_clock::now() >= end) return std::nullopt;
    std::this_thread::sleep_for(5ms);
  }
}

double Child::CpuSeconds() const {
  const std::string folder = fmt::format("/proc/{}/task", pid_);
  DIR* const tasks = opendir(folder.c_str());
  if (tasks == nullptr) return 0;
  double nanoseconds = 0;
  while (const dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    const auto text = sys::ReadFile(fmt::format("{}/{}/schedstat", folder, entry->d_name));
    if (text) nanoseconds += std::strtod(text->c_str(), nullptr);
  }
  closedir(tasks);
  return nanoseconds / 1e9;
}

long Child::ResidentKib() const {
  const auto status = sys::ReadFile(fmt::format("/proc/{}/status", pid_));
  const std::size_t at = status ? status->find("VmRSS:") : std::string::npos;
  return at == std::string::npos ? 0 : std::strtol(status->c_str() + at + 6, nullptr, 10);
}

std::optional<int> MaybeServeDevice(int argc, char** argv) {
  if (argc != 4 || argv[1] != kDeviceWord) return std::nullopt;
  vmm::VsockDeviceOptions options;
  options.vhost_socket_path = argv[2];
  options.hybrid_socket_path = argv[3];
  auto device = vmm::VsockDevice::Create(std::move(options));
  const auto ran = device ? (*device)->Run() : Result<>(std::unexpected(device.error()));
  if (!ran) fmt::print(stderr, "{}\n", ran.error().ToString());
  return ran ? 0 : 1;
}

Result<Child> StartDevice(const vmm::RunPaths& paths) {
  const std::string log = paths.folder + "/device.log";
  return Serving(Child::Start({"/proc/self/exe", std::string(kDeviceWord), paths.vhost_socket(),
                               paths.hybrid_socket()},
                              log),
                 paths, log);
}

Result<Child> StartPeer(const std::string& program, const vmm::RunPaths& paths) {
  const std::string log = paths.folder + "/device.log";
  return Serving(Child::Start({program, "--vm",
                               fmt::format("guest-cid=3,socket={},uds-path={}",
                                           paths.vhost_socket(), paths.hybrid_socket())},
                              log),
                 paths, log);
}

Result<Child> StartGuest(const GuestFiles& files, const vmm::RunPaths& paths, unsigned cpu_seconds,
                         std::vector<std::string> qemu_args) {
  vmm::MachineConfig config;
  config.kernel = files.kernel;
  config.initrd = files.initrd;
  config.memory_mib = 256;
  config.qemu_args = std::move(qemu_args);
  config.command_line = vmm::BaseCommandLine(false);
  INRO_ASSIGN(config, vmm::ResolveMachine(std::move(config)));
  INRO_ASSIGN(std::vector<std::string> command, vmm::QemuCommand(config, paths));
  std::erase(command, "-no-reboot");
  return Child::Start(command, paths.log(), cpu_seconds);
}

Result<> AwaitReady(Child& guest, const vmm::RunPaths& paths, int restarts) {
  std::string console;
  for (int i = 0; i < 6000 && guest.Running(); ++i) {
    console = sys::ReadFile(paths.console_log()).value_or("");
    if (Count(console, kReady) > static_cast<std::size_t>(restarts)) return {};
    std::this_thread::sleep_for(10ms);
  }
  return Fail("the guest did not come up; its console:\n{}\n{}", console,
              sys::ReadFile(paths.log()).value_or(""));
}

}  // namespace inro::vsock_guest
