#include "vmm/guest/guest.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ctime>

#include "sys/file.h"
#include "vmm/guest/host.h"
#include "wire/address.h"
#include "wire/hybrid.h"

namespace inro::vmm {
namespace {

// From linux/vhost.h, which is no C++ (it includes a header that converts from void*).
constexpr unsigned long kVhostSetOwner = _IO(0xAF, 0x01);
constexpr unsigned long kVhostVsockSetGuestCid = _IOW(0xAF, 0x60, std::uint64_t);

constexpr std::chrono::seconds kQmpLimit{10};

// A CID that no other guest of this host has: the kernel refuses one that is taken.
Result<std::uint32_t> FreeCid(std::uint32_t first) {
  INRO_ASSIGN(const UniqueFd fd, sys::Open("/dev/vhost-vsock", O_RDWR));
  if (::ioctl(fd.get(), kVhostSetOwner) != 0) return FailErrno("claim /dev/vhost-vsock");
  for (std::uint32_t cid = first; cid < first + 10'000; ++cid) {
    std::uint64_t argument = cid;
    if (::ioctl(fd.get(), kVhostVsockSetGuestCid, &argument) == 0) return cid;
    if (errno != EADDRINUSE) return FailErrno("take CID {}", cid);
  }
  return Fail("no free vsock CID from {} on", first);
}

GuestRecord RecordOf(const MachineConfig& machine, const GuestOptions& options,
                     const Supervisor& supervisor) {
  GuestRecord record;
  record.artifact = options.artifact;
  record.form = options.form;
  record.init = options.init;
  record.memory_mib = machine.memory_mib;
  record.cpus = machine.cpus;
  record.vsock = machine.vsock;
  record.cid = machine.guest_cid;
  record.owner_pid = ::getpid();
  record.supervisor_pid = supervisor.pid();
  record.qemu_pid = supervisor.qemu_pid();
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  record.started = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  record.started_at = std::time(nullptr);
  return record;
}

}  // namespace

Result<std::unique_ptr<Guest>> Guest::Start(MachineConfig machine, const GuestOptions& options) {
  INRO_ASSIGN(machine, ResolveMachine(std::move(machine)));
  if (machine.vsock == VsockMode::kKernel) {
    INRO_ASSIGN(machine.guest_cid, FreeCid(machine.guest_cid));
  }
  INRO_ASSIGN(RunFolder folder, RunFolder::Create(options.name, options.root));
  if (options.keep_folder) folder.Keep();
  INRO_ASSIGN(std::vector<std::string> command, QemuCommand(machine, folder.paths()));
  const bool device = machine.vsock == VsockMode::kUser;
  const SupervisorSpec spec{.qemu = command,
                            .folder = folder.paths().folder,
                            .keep_folder = options.keep_folder,
                            .vhost_socket = device ? folder.paths().vhost_socket() : "",
                            .hybrid_socket = device ? folder.paths().hybrid_socket() : "",
                            .guest_cid = machine.guest_cid,
                            .time_limit = options.time_limit,
                            .serve_time = options.serve_time};
  INRO_ASSIGN(Supervisor supervisor, Supervisor::Start(spec, folder.lock_fd()));
  GuestRecord record = RecordOf(machine, options, supervisor);
  record.name = folder.name();
  INRO_TRY(WriteGuestRecord(folder.paths(), record));
  return std::unique_ptr<Guest>(new Guest(std::move(machine), std::move(folder), std::move(command),
                                          std::move(supervisor), std::move(record)));
}

Guest::~Guest() { Kill(); }

Result<UniqueFd> Guest::Connect(std::uint32_t port, std::chrono::milliseconds timeout) const {
  if (machine_.vsock == VsockMode::kUser) {
    return wire::ConnectHybrid(paths().hybrid_socket(), port, timeout);
  }
  wire::Address address;
  address.kind = wire::Address::Kind::kVsock;
  address.cid = machine_.guest_cid;
  address.port = port;
  return wire::Connect(address, timeout);
}

Result<std::optional<GuestExit>> Guest::WaitExit(std::chrono::milliseconds timeout) {
  return supervisor_.WaitExit(timeout);
}

Result<PowerOffWay> Guest::PowerOff(const PowerOffOptions& options) {
  INRO_ASSIGN(const std::optional<GuestExit> exit, WaitExit(std::chrono::milliseconds(0)));
  if (exit && exit->status != 0) return Fail("QEMU {}: {}", exit->ToString(), LogTail());
  return EndGuest({.wait = [this](std::chrono::milliseconds limit) -> Result<bool> {
                     INRO_ASSIGN(const std::optional<GuestExit> ended, WaitExit(limit));
                     return ended.has_value();
                   },
                   .monitor = [this] { return Monitor(); },
                   .kill = [this] { Kill(); }},
                  options);
}

void Guest::Kill() { supervisor_.Kill(); }

void Guest::RecordReady(std::chrono::duration<double, std::milli> ready) {
  record_.ready_ms = ready.count();
  // A record that cannot be written costs `inro ps` a word, not the guest its life.
  (void)WriteGuestRecord(paths(), record_);
}

Result<> Guest::Detach(std::chrono::duration<double, std::milli> ready) {
  record_.ready_ms = ready.count();
  record_.owner_pid = record_.supervisor_pid;
  INRO_TRY(WriteGuestRecord(paths(), record_));
  INRO_TRY(supervisor_.Detach());
  folder_.Release();
  return {};
}

Result<> Guest::Pause() {
  INRO_ASSIGN(Qmp * monitor, Monitor());
  INRO_TRY(monitor->Execute("stop", kQmpLimit));
  return {};
}

Result<> Guest::Resume() {
  INRO_ASSIGN(Qmp * monitor, Monitor());
  INRO_TRY(monitor->Execute("cont", kQmpLimit));
  return {};
}

Result<Qmp*> Guest::Monitor() {
  if (!qmp_) {
    INRO_ASSIGN(Qmp qmp, Qmp::Connect(paths().qmp_socket(), kQmpLimit));
    qmp_.emplace(std::move(qmp));
  }
  return &*qmp_;
}

std::string Guest::LogTail(std::size_t limit) const {
  const auto log = sys::ReadFile(paths().log());
  if (!log) return "";
  return log->size() > limit ? log->substr(log->size() - limit) : *log;
}

}  // namespace inro::vmm
