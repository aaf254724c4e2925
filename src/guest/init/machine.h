// What makes the machine itself ready, besides its mounts: devices, loopback, host name, identity.
#pragma once

#include <string>

#include "guest/init/kernel_log.h"
#include "unit/kernel_command_line.h"

namespace inro::guest {

// Makes descriptors 0, 1 and 2 valid: the console, else /dev/null. Before anything else opens one.
void MakeStandardDescriptors();
// Links and nodes in /dev that devtmpfs does not make: fd, stdin, stdout, stderr, core, ptmx, and
// where there is no devtmpfs null, zero, full, random, urandom, tty, console, kmsg.
void MakeDeviceLinks(KernelLog& log);
// Loopback is up.
void StartLoopback(KernelLog& log);
// systemd.hostname=, else the first word of /etc/hostname, else "localhost". The name that was set.
std::string SetHostName(const unit::KernelCommandLine& line, KernelLog& log);
// A machine id for this boot, from the boot id, where /etc/machine-id is empty; it lies in /run and
// is bound over the file, so that no artifact holds one. The id; empty when there is none.
std::string SetMachineId(KernelLog& log);
// As long as it lives the kernel runs no modprobe. Role init loads by name what it needs; yet the
// kernel would start one for each type or feature that it lacks (for the file system bpf alone that
// takes longer than all other mounts), and before the root is in place it could find nothing.
class ModprobePause {
 public:
  ModprobePause();
  ~ModprobePause() { End(); }
  ModprobePause(const ModprobePause&) = delete;
  ModprobePause& operator=(const ModprobePause&) = delete;
  void End();

 private:
  std::string program_;  // what to set back; "" when there is nothing to do
};
// fs.nr_open and fs.file-max as high as they go, and longer queues of datagrams.
void RaiseLimits();
// sysctl.d from /etc, /run and /usr/lib.
void ApplySysctls(KernelLog& log);

}  // namespace inro::guest
