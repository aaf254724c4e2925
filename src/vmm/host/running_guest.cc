#include "vmm/host/running_guest.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <ctime>

#include "sys/file.h"
#include "vmm/guest/run_folder.h"
#include "vmm/host/guest_address.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookLimit{300};
constexpr milliseconds kMonitorLimit{5000};
constexpr milliseconds kKillLimit{10'000};

// The supervisor by a descriptor: a number may be another process's by now, a descriptor not.
Result<UniqueFd> OpenProcess(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return FailErrno("look at process {}", pid);
  return fd;
}

bool SendSignal(const UniqueFd& process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

std::uint64_t ResidentKib(pid_t pid) {
  const auto text = sys::ReadFile(fmt::format("/proc/{}/statm", pid), 4096);
  if (!text) return 0;
  const std::size_t space = text->find(' ');
  if (space == std::string::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(text->data() + space + 1, text->data() + text->size(), pages);
  return pages * (static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024);
}

bool IsPaused(const RunPaths& paths) {
  auto monitor = Qmp::Connect(paths.qmp_socket(), kLookLimit);
  if (!monitor) return false;
  const auto status = monitor->Execute("query-status", kLookLimit);
  return status && status->find("\"running\":false") != std::string::npos;
}

GuestListing Look(const RunPaths& paths, GuestRecord record) {
  GuestListing listing;
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  listing.uptime = std::chrono::seconds(now.tv_sec) -
                   std::chrono::duration_cast<std::chrono::seconds>(record.started);
  listing.socket = paths.hybrid_socket();
  listing.resident_kib = ResidentKib(record.qemu_pid);
  if (IsPaused(paths)) {
    listing.condition = GuestCondition::kPaused;
  } else if (record.ready_ms > 0) {
    listing.condition = GuestCondition::kRunning;
  }
  listing.record = std::move(record);
  return listing;
}

}  // namespace

std::string_view Word(GuestCondition condition) {
  switch (condition) {
    case GuestCondition::kStarting:
      return "starting";
    case GuestCondition::kRunning:
      return "running";
    case GuestCondition::kPaused:
      return "paused";
  }
  return "?";
}

std::vector<GuestListing> ListGuests(int* swept) {
  const int removed = SweepGuests(GuestsRoot());
  if (swept != nullptr) *swept = removed;
  std::vector<GuestListing> guests;
  for (const std::string& name : RunningGuests()) {
    const auto paths = FindRunFolder(name);
    if (!paths) continue;
    // Without a record it is about to start, or about to end.
    auto record = ReadGuestRecord(*paths);
    if (record) guests.push_back(Look(*paths, std::move(*record)));
  }
  return guests;
}

Result<RunningGuest> RunningGuest::Open(const std::string& name) {
  INRO_ASSIGN(const GuestAddress address, FindGuest(name));
  if (address.name.empty()) {
    return FailAs(ErrorKind::kBadInput, "{}: not a guest that inro started; its VMM has to end it",
                  name);
  }
  INRO_ASSIGN(RunPaths paths, FindRunFolder(address.name));
  INRO_ASSIGN(GuestRecord record, ReadGuestRecord(paths));
  INRO_ASSIGN(UniqueFd supervisor, OpenProcess(record.supervisor_pid));
  // It held the lock just before, and holds it still: the descriptor is the supervisor's.
  INRO_TRY(FindRunFolder(address.name));
  return RunningGuest(std::move(paths), std::move(record), std::move(supervisor));
}

Result<bool> RunningGuest::Wait(milliseconds limit) {
  pollfd polled{supervisor_.get(), POLLIN, 0};
  const auto end = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left =
        std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now()).count();
    const int ready = ::poll(&polled, 1, static_cast<int>(std::max<long>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return FailErrno("wait for guest {}", record_.name);
    return ready > 0;
  }
}

Result<> RunningGuest::Kill() {
  SendSignal(supervisor_, SIGTERM);
  INRO_ASSIGN(bool ended, Wait(kKillLimit));
  if (!ended) {
    // QEMU dies with it.
    SendSignal(supervisor_, SIGKILL);
    INRO_ASSIGN(ended, Wait(kKillLimit));
    SweepGuests(GuestsRoot());
  }
  if (!ended)
    return Fail("guest {} (process {}) does not end", record_.name, record_.supervisor_pid);
  return {};
}

Result<PowerOffWay> RunningGuest::Stop(const PowerOffOptions& options) {
  Result<> killed;
  INRO_ASSIGN(const PowerOffWay way,
              EndGuest({.wait = [this](milliseconds limit) { return Wait(limit); },
                        .monitor = [this]() -> Result<Qmp*> {
                          if (!qmp_) {
                            INRO_ASSIGN(Qmp qmp, Qmp::Connect(paths_.qmp_socket(), kMonitorLimit));
                            qmp_.emplace(std::move(qmp));
                          }
                          return &*qmp_;
                        },
                        .kill = [&] { killed = Kill(); }},
                       options));
  INRO_TRY(killed);
  return way;
}

}  // namespace inro::vmm
