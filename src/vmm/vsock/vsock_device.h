// A virtio-vsock device in user space: a vhost-user back end for QEMU's vhost-user-vsock-pci, with
// hybrid Unix sockets on the host's side.
//
//   host -> guest   connect to `hybrid_socket_path`, send "CONNECT <port>\n", get "OK <host
//   port>\n",
//                   then bytes flow. If nobody listens in the guest, the connection is closed
//                   instead. Before the guest's driver is up, and while the guest reboots, it is
//                   held.
//   guest -> host   a connection to CID 2, port P, arrives at the Unix socket
//   "<hybrid_socket_path>_P".
//
// QEMU:  -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem
//        -chardev socket,id=vs,path=<vhost_socket_path> -device vhost-user-vsock-pci,chardev=vs
//
// States: waiting (no VMM), attached (a VMM, its driver down), running (driver up). A VMM that goes
// away leads back to waiting where there is a listening socket, else ends Run(); all connections of
// the guest are closed then. A VM that is paused keeps its connections; a rebooted guest's are
// closed when its new driver comes up.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/vsock/packet_engine.h"
#include "vmm/vsock/statistics.h"

namespace inro::vmm {

struct VsockDeviceOptions {
  // Where QEMU connects: a path to listen at (0600, in a private folder) ...
  std::string vhost_socket_path;
  // ... or, instead, a socket that listens or is connected already.
  UniqueFd vhost_fd;
  std::string hybrid_socket_path;
  std::uint64_t guest_cid = 3;  // >= 3
  // Run() returns when the first VMM goes away, also with a listening socket.
  bool until_vmm_leaves = false;
  // Run() also returns when this becomes readable: a signalfd, a pidfd, a pipe.
  UniqueFd stop_fd;
  VsockLimits limits;
};

class VsockDevice {
 public:
  // Both sockets are there when this returns: QEMU can be started, hosts can connect.
  static Result<std::unique_ptr<VsockDevice>> Create(VsockDeviceOptions options);
  ~VsockDevice();

  // Serves on the calling thread until Stop(), or the end as said above. An error is fatal for the
  // device; a VMM that breaks the protocol is disconnected, and that is an error only if it was to
  // be the last.
  Result<> Run();
  // From any thread, also before Run().
  void Stop();
  // From any thread.
  const VsockStatistics& statistics() const;

 private:
  class Impl;
  explicit VsockDevice(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The device as a process of its own: creates it, allows it as many descriptors as the system
// permits, and serves until SIGTERM or SIGINT, or until the VMM has come and gone.
Result<> RunVsockDevice(VsockDeviceOptions options);

}  // namespace inro::vmm
