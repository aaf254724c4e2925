// A running guest: its machine, its supervisor, its channels to the host.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/guest/guest_record.h"
#include "vmm/guest/machine.h"
#include "vmm/guest/power_off.h"
#include "vmm/guest/qmp.h"
#include "vmm/guest/run_folder.h"
#include "vmm/guest/supervisor.h"

namespace inro::vmm {

struct GuestOptions {
  std::string name;                         // empty: a free one is taken
  std::string root;                         // of the run folders; empty: GuestsRoot()
  bool keep_folder = false;                 // console log and QEMU's log stay
  std::chrono::milliseconds time_limit{0};  // QEMU is killed then; 0: never
  bool serve_time = true;                   // the host's clock on port 10123
  // For the guest's record; empty: not known.
  std::string artifact;
  std::string form;
  std::string init;
};

// Not thread-safe, but Connect may be called from any thread. The guest ends with its object, and
// also when this process dies, however it dies; unless it was detached.
class Guest {
 public:
  // Resolves the machine, makes the run folder, starts supervisor, device and QEMU. Returns once
  // QEMU is executed, long before the guest is up. main() must call MaybeSupervise.
  static Result<std::unique_ptr<Guest>> Start(MachineConfig machine,
                                              const GuestOptions& options = {});
  ~Guest();

  const std::string& name() const { return folder_.name(); }
  const RunPaths& paths() const { return folder_.paths(); }
  const MachineConfig& machine() const { return machine_; }             // resolved
  const std::vector<std::string>& command() const { return command_; }  // QEMU's words
  pid_t qemu_pid() const { return supervisor_.qemu_pid(); }
  pid_t supervisor_pid() const { return supervisor_.pid(); }
  // The host's monotonic clock just before QEMU was executed.
  std::chrono::steady_clock::time_point exec_time() const { return supervisor_.exec_time(); }

  // A stream to a vsock port of the guest, blocking. Errors: kClosed when refused, kTimeout.
  Result<UniqueFd> Connect(std::uint32_t port, std::chrono::milliseconds timeout) const;

  // Nothing when QEMU still runs after `timeout`.
  Result<std::optional<GuestExit>> WaitExit(std::chrono::milliseconds timeout);
  // Readable when QEMU has ended; for poll(2).
  int exit_fd() const { return supervisor_.exit_fd(); }
  // Brings the guest to its end: agent, then ACPI's power button, then QMP's quit, then SIGKILL.
  // Always ends it. Says which way it went; an error only when it had died before by itself with a
  // non-zero status.
  Result<PowerOffWay> PowerOff(const PowerOffOptions& options);
  void Kill();
  // The guest lives on by itself, until it ends or is stopped (vmm/host/running_guest.h); the
  // object is of no use afterwards. `ready` goes into the record: from exec to the agent's answer.
  Result<> Detach(std::chrono::duration<double, std::milli> ready);

  // Stops and continues the guest's processors.
  Result<> Pause();
  Result<> Resume();
  // For further commands; connected at first use.
  Result<Qmp*> Monitor();

  // Says in the record when the agent answered; others read it (`inro ps`).
  void RecordReady(std::chrono::duration<double, std::milli> ready);

  // The last `limit` bytes that QEMU and the supervisor wrote to their log.
  std::string LogTail(std::size_t limit = 2000) const;

 private:
  Guest(MachineConfig machine, RunFolder folder, std::vector<std::string> command,
        Supervisor supervisor, GuestRecord record)
      : machine_(std::move(machine)),
        folder_(std::move(folder)),
        command_(std::move(command)),
        supervisor_(std::move(supervisor)),
        record_(std::move(record)) {}

  MachineConfig machine_;
  RunFolder folder_;  // outlives the supervisor, which writes into it
  std::vector<std::string> command_;
  Supervisor supervisor_;
  GuestRecord record_;
  std::optional<Qmp> qmp_;
};

}  // namespace inro::vmm
