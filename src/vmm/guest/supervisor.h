// One process a guest that owns QEMU and the vsock device, so that neither outlives its owner.
//
// The owner (say `inro boot`) executes its own program again as the supervisor, joined by one
// socket pair. The supervisor runs the vsock device on a thread, starts QEMU, and waits.
//
// States of the supervisor: starting -> running (-> detached) -> over.
//   starting  the device and the time server listen, QEMU is executed; then it tells the owner
//             "started", or "failed".
//   running   waits for the first of: QEMU ends; the owner is gone or says so (end of file on the
//             socket pair: also when the owner got SIGKILL); a stop signal; the time limit.
//   detached  the owner asked for it ("detach", answered by "detached") and does not count any
//             more: the supervisor is the guest's owner now. The other reasons to end stay.
//   over      QEMU is killed and reaped; the owner is told "exited"; if it is gone, the run folder
//             is removed; of a detached guest the logs are kept (ended_guest.h). Then the process
//             ends.
// Invariants: QEMU is a child of the supervisor's main thread with a parent-death signal of
// SIGKILL, so that it also dies when the supervisor is killed; both are in a session of their own,
// so that Ctrl-C at a terminal reaches the owner alone, who then powers the guest off in order.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

struct SupervisorSpec {
  std::vector<std::string> qemu;  // argument vector
  std::string folder;             // of the run; the log is qemu.log in it
  bool keep_folder = false;       // do not remove it when the owner is gone
  std::string vhost_socket;       // of the vsock device; empty: no device
  std::string hybrid_socket;      // the device's sockets on the host
  std::uint32_t guest_cid = 3;
  std::chrono::milliseconds time_limit{0};  // of QEMU's life; 0: none
  bool serve_time = true;                   // the host's clock, for the guest (time_service.h)
};

// Why and how QEMU ended.
struct GuestExit {
  enum class Reason { kGuest, kKilled, kTimeLimit } reason = Reason::kGuest;
  int status = 0;  // exit code, or 128 + signal
  // "ended with status 1", "was killed", "was stopped at its time limit".
  std::string ToString() const;
};

// The owner's end. Move-only; when it goes away, so do the supervisor and QEMU. Not thread-safe.
class Supervisor {
 public:
  // Returns once QEMU is executed. `lock_fd` (or -1) is inherited by the supervisor alone.
  // MaybeSupervise must be the first thing in main() of the calling program.
  static Result<Supervisor> Start(const SupervisorSpec& spec, int lock_fd);
  Supervisor(Supervisor&& other) noexcept;
  Supervisor& operator=(Supervisor&&) = delete;
  ~Supervisor();

  pid_t pid() const { return pid_; }
  pid_t qemu_pid() const { return qemu_pid_; }
  // Just before QEMU was executed.
  std::chrono::steady_clock::time_point exec_time() const { return exec_time_; }

  // Waits until QEMU has ended; nothing when it still runs after `timeout`. An error when the
  // supervisor itself died. Later calls give the same answer.
  Result<std::optional<GuestExit>> WaitExit(std::chrono::milliseconds timeout);
  // Kills QEMU and waits for it and the supervisor.
  void Kill();
  // The supervisor lives on without this owner, until the guest ends, and takes the run folder
  // over. On success the object is as one that was moved from. An error: it is the owner still.
  Result<> Detach();
  // Readable when QEMU has ended; for poll(2).
  int exit_fd() const { return socket_.get(); }

 private:
  Supervisor() = default;
  void Reap();

  pid_t pid_ = -1;
  pid_t qemu_pid_ = -1;
  std::chrono::steady_clock::time_point exec_time_;
  UniqueFd socket_;
  std::optional<GuestExit> exit_;
};

// Call first in main(). In a supervisor's process it does the supervisor's whole work and returns
// the exit code; in any other process it returns nothing and does nothing.
std::optional<int> MaybeSupervise(int argc, char** argv);

// A spec as the words of a command line and back. For tests.
std::vector<std::string> ToWords(const SupervisorSpec& spec);
Result<SupervisorSpec> FromWords(const std::vector<std::string>& words);

}  // namespace inro::vmm
