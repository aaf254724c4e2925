#include "vmm/guest/host.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

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

Accel DetectAccel() { return KvmUsable() ? Accel::kKvm : Accel::kTcg; }

Result<MachineConfig> ResolveMachine(MachineConfig config) {
  if (config.accel == Accel::kAuto) {
    config.accel = DetectAccel();
  } else if (config.accel == Accel::kKvm && !KvmAnswers()) {
    return FailAs(ErrorKind::kBadInput,
                  "KVM was asked for, but /dev/kvm does not work here; "
                  "use --accel tcg");
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
