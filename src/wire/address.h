// Where a ttrpc end listens or connects: vsock and Unix sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::wire {

inline constexpr std::uint32_t kAnyCid = 0xffffffff;
inline constexpr std::uint32_t kHostCid = 2;

struct Address {
  enum class Kind {
    kVsock,     // vsock://CID:PORT; CID -1 is "any", for listeners
    kUnix,      // unix://PATH
    kAbstract,  // unix://@NAME
    kHybrid,    // hvsock://PATH:PORT, a Unix socket with the CONNECT handshake (hybrid.h)
  };
  Kind kind = Kind::kUnix;
  std::uint32_t cid = 0;
  std::uint32_t port = 0;
  std::string path;  // without the "@" of an abstract name

  std::string ToString() const;
};

// Errors are of kind kBadInput.
Result<Address> ParseAddress(std::string_view text);

// A listening socket, close-on-exec and non-blocking. A stale Unix socket file is replaced.
Result<UniqueFd> Listen(const Address& address, int backlog = 128);

// A connected socket, close-on-exec and blocking; for kHybrid after the handshake. An error of kind
// kTimeout when `timeout` passes first.
Result<UniqueFd> Connect(const Address& address, std::chrono::milliseconds timeout);

// Whether a listener in a guest may talk to a peer: over vsock only the host may, and over Unix
// sockets the file's mode has decided already. `peer` is what accept(2) gave.
struct Peer {
  bool vsock = false;
  std::uint32_t cid = 0;
};
constexpr bool GuestAccepts(const Peer& peer) { return !peer.vsock || peer.cid == kHostCid; }

// accept4(2), close-on-exec and non-blocking; an invalid descriptor when nobody waits.
Result<UniqueFd> Accept(int listener, Peer& peer);

}  // namespace inro::wire
