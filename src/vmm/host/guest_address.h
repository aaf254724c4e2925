// GUEST on a command line, and how to reach what it names.
//
//   NAME         a running guest that inro started (its run folder: vmm/guest/run_folder.h)
//   vsock://CID  a guest on the kernel's vsock
//   PATH         the hybrid socket of a guest: of Firecracker, Cloud Hypervisor, or of inro's
//   device
//
// A word with a '/' (or hvsock://) is a path. Connections to a guest, and the guest's connections
// to the host, look the same for all three.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

struct GuestAddress {
  enum class Kind { kHybrid, kCid } kind = Kind::kHybrid;
  std::string name;       // of a guest that inro started; else empty
  std::string socket;     // kHybrid: path of the hybrid socket
  std::uint32_t cid = 0;  // kCid

  // As the user may write it: the name, "vsock://CID", or the path.
  std::string ToString() const;
};

// Errors are of kind kBadInput and say which guests run. A path is only looked at, not connected
// to.
Result<GuestAddress> FindGuest(const std::string& text);

// A stream to a vsock port of the guest, close-on-exec, blocking. kTimeout; kClosed when nobody
// listens on that port or the guest is gone.
Result<UniqueFd> ConnectGuest(const GuestAddress& guest, std::uint32_t port,
                              std::chrono::milliseconds timeout);

// A listening, non-blocking socket for the connections that the guest makes to the host's port
// (CID 2). For kHybrid it is the Unix socket "<socket>_PORT" with mode 0600, whose file stays when
// the descriptor is closed and is replaced when nobody listens on it; an error when somebody does.
// For kCid other guests can connect too: accept with AcceptFromGuest.
Result<UniqueFd> ListenForGuest(const GuestAddress& guest, std::uint32_t port);

// accept(2) of such a listener, close-on-exec and non-blocking: an invalid descriptor when nobody
// waits, or when who connected is not this guest.
Result<UniqueFd> AcceptFromGuest(const GuestAddress& guest, int listener);

}  // namespace inro::vmm
