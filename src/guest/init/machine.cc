#include "guest/init/machine.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

struct LinkRow {
  const char* path;
  const char* target;
};
constexpr LinkRow kLinks[] = {
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
    {"/dev/core", "/proc/kcore"},       {"/dev/ptmx", "pts/ptmx"},
};

struct NodeRow {
  const char* path;
  unsigned major;
  unsigned minor;
  mode_t mode;
};
constexpr NodeRow kNodes[] = {
    {"/dev/null", 1, 3, 0666},    {"/dev/zero", 1, 5, 0666},    {"/dev/full", 1, 7, 0666},
    {"/dev/random", 1, 8, 0666},  {"/dev/urandom", 1, 9, 0666}, {"/dev/kmsg", 1, 11, 0644},
    {"/dev/console", 5, 1, 0600}, {"/dev/tty", 5, 0, 0666},
};

constexpr const char* kModprobe = "/proc/sys/kernel/modprobe";

bool WriteText(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string FirstWord(const std::string& path) {
  const auto text = sys::DiskFileSource().Read(path, 4096);
  if (!text) return "";
  const auto words = unit::SplitWords(*text);
  return words.empty() ? std::string() : std::string(words.front());
}

// One file of sysctl.d: "name = value", "-name = value" ignores a failure.
void ApplySysctlFile(std::string_view text, KernelLog& log) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = unit::Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || line.starts_with(';') || equals == std::string_view::npos)
      continue;
    std::string name(unit::Trim(line.substr(0, equals)));
    const bool quiet = name.starts_with('-');
    if (quiet) name.erase(0, 1);
    // A dot separates parts unless the first separator is a slash.
    if (name.find_first_of("./") != std::string::npos && name[name.find_first_of("./")] == '.') {
      for (char& c : name) c = c == '.' ? '/' : c == '/' ? '.' : c;
    }
    if (name.find('*') != std::string::npos || name.find("..") != std::string::npos) continue;
    if (!WriteText("/proc/sys/" + name, unit::Trim(line.substr(equals + 1))) && !quiet) {
      log.Info("sysctl {}: {}", name, std::strerror(errno));
    }
  }
}

}  // namespace

void MakeStandardDescriptors() {
  bool missing = false;
  for (int fd = 0; fd < 3; ++fd) missing = missing || ::fcntl(fd, F_GETFD) < 0;
  if (!missing) return;
  int fd = ::open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (fd >= 0) ::fcntl(fd, F_SETFL, O_RDWR);
  if (fd < 0) fd = ::open("/dev/null", O_RDWR);
  if (fd < 0) return;
  for (int target = 0; target < 3; ++target) {
    if (target != fd && ::fcntl(target, F_GETFD) < 0) ::dup2(fd, target);
  }
  if (fd > 2) ::close(fd);
}

void MakeDeviceLinks(KernelLog& log) {
  for (const NodeRow& row : kNodes) {
    if (::mknod(row.path, S_IFCHR | row.mode, makedev(row.major, row.minor)) == 0) {
      ::chmod(row.path, row.mode);
    }
  }
  for (const LinkRow& row : kLinks) {
    if (std::string_view(row.path) == "/dev/ptmx") {
      struct stat info{};
      // The kernel's own node opens the first devpts, which is ours as well.
      if (::lstat(row.path, &info) == 0) continue;
    }
    if (::symlink(row.target, row.path) != 0 && errno != EEXIST) {
      log.Warning("link {}: {}", row.path, std::strerror(errno));
    }
  }
}

void StartLoopback(KernelLog& log) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    log.Warning("loopback: {}", std::strerror(errno));
    return;
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    log.Warning("loopback: {}", std::strerror(errno));
  }
}

std::string SetHostName(const unit::KernelCommandLine& line, KernelLog& log) {
  std::string name(line.Last("systemd.hostname").value_or(""));
  if (name.empty()) name = FirstWord("/etc/hostname");
  if (name.empty()) name = "localhost";
  constexpr std::size_t kMaxHostName = 64;
  name.resize(std::min(name.size(), kMaxHostName));
  if (::sethostname(name.data(), name.size()) != 0) {
    log.Warning("set the host name: {}", std::strerror(errno));
  }
  return name;
}

std::string SetMachineId(KernelLog& log) {
  const char* path = "/etc/machine-id";
  std::string id = FirstWord(path);
  if (id.size() == 32) return id;
  struct stat info{};
  if (::stat(path, &info) != 0) return "";
  // The boot id is random and different at each boot: so is this.
  id.clear();
  for (const char c : FirstWord("/proc/sys/kernel/random/uuid")) {
    if (c != '-') id += c;
  }
  const char* transient = "/run/machine-id";
  {
    const UniqueFd fd(::open(transient, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444));
    const std::string text = id + "\n";
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      log.Warning("write {}: {}", transient, std::strerror(errno));
      return "";
    }
  }
  if (::mount(transient, path, nullptr, MS_BIND, nullptr) != 0 ||
      ::mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
    log.Warning("bind {}: {}", path, std::strerror(errno));
  }
  return id;
}

ModprobePause::ModprobePause() : program_(FirstWord(kModprobe)) {
  // An empty name is written as a line: a write of no bytes would do nothing.
  if (!program_.empty() && !WriteText(kModprobe, "\n")) program_.clear();
}

void ModprobePause::End() {
  if (!program_.empty()) WriteText(kModprobe, program_);
  program_.clear();
}

void RaiseLimits() {
  // Units ask for more files than the kernel's default allows (Kata's: 1073741824).
  WriteText("/proc/sys/fs/nr_open", "1073741816");
  WriteText("/proc/sys/fs/file-max", "9223372036854775807");
  // Ten datagrams, the kernel's default, are soon in the queue of a log's socket.
  WriteText("/proc/sys/net/unix/max_dgram_qlen", "512");
  // For all services, by inheritance; systemd's DefaultLimitNOFILE=: who knows to use more may.
  const rlimit files{1024, 524288};
  ::setrlimit(RLIMIT_NOFILE, &files);
}

void ApplySysctls(KernelLog& log) {
  const sys::DiskFileSource files;
  std::map<std::string, std::string> chosen;
  for (const char* folder : {"/etc/sysctl.d", "/run/sysctl.d", "/usr/lib/sysctl.d"}) {
    for (const std::string& file : files.List(folder)) {
      if (file.ends_with(".conf")) chosen.try_emplace(file, std::string(folder) + "/" + file);
    }
  }
  for (const auto& [file, path] : chosen) {
    if (const auto text = files.Read(path, 1 << 20)) ApplySysctlFile(*text, log);
  }
}

}  // namespace inro::guest
