#include "vmm/guest/host.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "sys/file.h"

namespace inro::vmm {
namespace {

bool KvmAnswers() {
  const UniqueFd fd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  return fd && ::ioctl(fd.get(), KVM_GET_API_VERSION, 0) == KVM_API_VERSION;
}

bool KvmUsable() {
  const auto cpuinfo = sys::ReadFile("/proc/cpuinfo");
  return cpuinfo && CpuHasVirtualization(*cpuinfo) && KvmAnswers();
}

// The size of a file that the user named.
Result<std::uint64_t> SizeOf(const std::string& path, std::string_view what) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || ::access(path.c_str(), R_OK) != 0) {
    const Error cause = Error::FromErrno(fmt::format("{} {}", what, path));
    return std::unexpected(Error(ErrorKind::kBadInput, cause.message()));
  }
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) {
    return FailAs(ErrorKind::kBadInput, "{} {}: not a file", what, path);
  }
  if (S_ISREG(info.st_mode) && info.st_size == 0) {
    return FailAs(ErrorKind::kBadInput, "{} {}: the file is empty", what, path);
  }
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

bool CpuHasVirtualization(std::string_view cpuinfo) {
  const std::size_t flags = cpuinfo.find("\nflags");
  if (flags == std::string_view::npos) return false;
  std::string_view line = cpuinfo.substr(flags + 1);
  line = line.substr(0, line.find('\n'));
  for (const std::string_view word : {" vmx", " svm"}) {
    for (std::size_t at = line.find(word); at != std::string_view::npos;
         at = line.find(word, at + 1)) {
      const std::size_t end = at + word.size();
      if (end == line.size() || line[end] == ' ') return true;
    }
  }
  return false;
}

std::uint64_t MeasureTscKhz() {
#if defined(__x86_64__)
  struct Stamp {
    std::int64_t nanoseconds = 0;
    std::uint64_t ticks = 0;
  };
  // Of a few readings the one with the least time between clock and counter.
  const auto read = [] {
    Stamp best;
    std::uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t before = __builtin_ia32_rdtsc();
      timespec now{};
      ::clock_gettime(CLOCK_MONOTONIC_RAW, &now);
      const std::uint64_t after = __builtin_ia32_rdtsc();
      if (after - before >= shortest) continue;
      shortest = after - before;
      best = {static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec,
              before + shortest / 2};
    }
    return best;
  };
  const Stamp first = read();
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Stamp last = read();
  const double milliseconds = static_cast<double>(last.nanoseconds - first.nanoseconds) / 1e6;
  return static_cast<std::uint64_t>(static_cast<double>(last.ticks - first.ticks) / milliseconds);
#else
  return 0;
#endif
}

Accel DetectAccel() { return KvmUsable() ? Accel::kKvm : Accel::kTcg; }

Result<MachineConfig> ResolveMachine(MachineConfig config) {
  if (config.accel == Accel::kAuto) {
    config.accel = DetectAccel();
  } else if (config.accel == Accel::kKvm && !KvmAnswers()) {
    return FailAs(ErrorKind::kBadInput,
                  "KVM was asked for, but /dev/kvm does not work here; "
                  "use --accel tcg");
  }
  // The kernel measures its clock against another one in the first milliseconds. Where the guest's
  // processor is a thread of a busy host, it may be wrong by a factor of five, and no time service
  // brings such a clock back. Under KVM it asks the hypervisor.
  const bool told = std::ranges::any_of(config.command_line, [](const std::string& word) {
    return word.starts_with("tsc_early_khz=");
  });
  if (config.accel == Accel::kTcg && !told) {
    if (const std::uint64_t khz = MeasureTscKhz(); khz > 0) {
      config.command_line.push_back(fmt::format("tsc_early_khz={}", khz));
    }
  }
  if (config.kernel.empty()) return FailAs(ErrorKind::kBadInput, "no kernel given");
  INRO_TRY(SizeOf(config.kernel, "kernel"));
  if (!config.initrd.empty()) INRO_TRY(SizeOf(config.initrd, "initrd"));
  if (config.image) {
    INRO_ASSIGN(config.image->bytes, SizeOf(config.image->path, "image"));
  }
  for (Disk& disk : config.disks) {
    INRO_ASSIGN(disk.bytes, SizeOf(disk.path, "disk"));
  }
  if (config.vsock == VsockMode::kKernel) {
    const UniqueFd fd(::open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC));
    if (!fd) {
      const Error cause = Error::FromErrno("open /dev/vhost-vsock");
      return std::unexpected(
          Error(ErrorKind::kBadInput, cause.message() + "; use inro's own device: --vsock user"));
    }
  }
  return config;
}

}  // namespace inro::vmm
