#include "guest/clock/ptp_reference.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "protocol/refclock.h"
#include "sys/file.h"
#include "sys/spawn.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace inro::guest::clock {
namespace {

// clock_gettime(2) of a device: the kernel's FD_TO_CLOCKID (clock_getres(2), "dynamic clocks").
clockid_t ClockOf(int fd) { return static_cast<clockid_t>((~static_cast<unsigned>(fd) << 3) | 3U); }

Result<std::int64_t> ReadDevice(int fd) {
  timespec now{};
  if (::clock_gettime(ClockOf(fd), &now) != 0) return FailErrno("read {}", protocol::kPtpDevice);
  return static_cast<std::int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

}  // namespace

std::unique_ptr<PtpReference> PtpReference::Open(const GuestClock& clock) {
  const auto name = sys::ReadFile(std::string(protocol::kPtpNamePath), 256);
  if (!name || !name->starts_with(protocol::kPtpKvmName)) return nullptr;
  auto device = sys::Open(std::string(protocol::kPtpDevice), O_RDONLY);
  if (!device || !ReadDevice(device->get())) return nullptr;
  return std::unique_ptr<PtpReference>(new PtpReference(std::move(*device), clock));
}

Result<Reading> PtpReference::Read() {
  const std::int64_t before = clock_.Realtime();
  INRO_ASSIGN(const std::int64_t host, ReadDevice(device_.get()));
  const std::int64_t after = clock_.Realtime();
  return Reading{.offset = host - before - (after - before) / 2,
                 .round_trip = after - before,
                 .local = after,
                 .reference_synchronised = true};
}

bool RunsUnderKvm() {
#if defined(__x86_64__)
  unsigned a = 0;
  unsigned words[3] = {};
  __cpuid(0x40000000, a, words[0], words[1], words[2]);
  return std::memcmp(words, "KVMKVMKVM\0\0\0", sizeof words) == 0;
#else
  return false;
#endif
}

void LoadPtpModule() {
  if (sys::Exists(std::string(protocol::kPtpDevice))) return;
  sys::SpawnRequest request;
  request.program = sys::FindProgram("modprobe", "/usr/sbin:/sbin:/usr/bin:/bin");
  if (!request.program.starts_with('/')) return;
  request.argv = {"modprobe", "-q", "ptp_kvm"};
  request.streams = {0, 1, 2};
  const auto pid = sys::Spawn(request);
  if (!pid) return;
  while (::waitpid(*pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace inro::guest::clock
