// A vsock device and a QEMU, each a process of its own, so that what each costs can be read.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/guest/machine.h"
#include "vsock/guest_files.h"

namespace inro::vsock_guest {

// A child; it dies with this process, and is killed and reaped by the destructor.
class Child {
 public:
  // Output of the child goes to the file `log`. It is killed after so much processor time; 0:
  // never.
  static Result<Child> Start(const std::vector<std::string>& argv, const std::string& log,
                             unsigned cpu_seconds = 0);
  Child(Child&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }
  Child& operator=(Child&&) = delete;
  ~Child() { Kill(); }

  void Kill();
  void Signal(int number) const;
  // Its wait status; nothing while it runs after `limit`.
  std::optional<int> Wait(std::chrono::milliseconds limit);
  bool Running() { return !Wait(std::chrono::milliseconds(0)).has_value(); }
  // Processor time of all its threads so far, in seconds; 0 when it has ended.
  double CpuSeconds() const;
  // Resident memory in KiB now.
  long ResidentKib() const;
  pid_t pid() const { return pid_; }

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

// main() of a program that uses StartDevice calls this first: the program serves as the device
// then.
std::optional<int> MaybeServeDevice(int argc, char** argv);

// inro's device. It stays when a VMM leaves.
Result<Child> StartDevice(const vmm::RunPaths& paths);
// vhost-device-vsock, by the path of its program.
Result<Child> StartPeer(const std::string& program, const vmm::RunPaths& paths);

// QEMU with the command that inro boots guests by, but a guest that restarts is restarted.
// `qemu_args` are appended to it.
Result<Child> StartGuest(const GuestFiles& files, const vmm::RunPaths& paths, unsigned cpu_seconds,
                         std::vector<std::string> qemu_args = {});
// Waits for the guest program's word on the console. `restarts`: how often it has said it before.
Result<> AwaitReady(Child& guest, const vmm::RunPaths& paths, int restarts = 0);

}  // namespace inro::vsock_guest
