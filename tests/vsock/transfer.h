// What is done with the guest: each fails when a byte is wrong, and none judges how long it took.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "vsock/host_stream.h"

namespace inro::vsock_guest {

using Seconds = std::chrono::duration<double>;

// `count` connections, one after the other, each with an echo.
Result<Seconds> ConnectSequentially(const std::string& hybrid_socket, int count);
// `count` connections open at once, then an echo on each.
Result<Seconds> ConnectConcurrently(const std::string& hybrid_socket, int count);
// Round trips of 64 bytes on one connection, sorted.
Result<std::vector<Seconds>> RoundTrips(const std::string& hybrid_socket, int count);
// So many bytes to the guest, whose checksum is compared. `port`: kSinkPort or
// kStallingSinkPort; kCountedSinkPort computes no checksum: then it is what device and driver take.
Result<Seconds> SendToGuest(const std::string& hybrid_socket, std::uint64_t bytes,
                            std::uint32_t port = kSinkPort);
// So many bytes from the guest, each compared. The reader begins after `stall`; during that, echoes
// on another connection must still work.
Result<Seconds> ReceiveFromGuest(const std::string& hybrid_socket, std::uint64_t bytes,
                                 std::chrono::milliseconds stall = {});
// The host ends its direction only; the guest's answer to that must still come.
Result<> EndWriting(const std::string& hybrid_socket);
// The host goes away in the middle of a transfer from the guest, and of one to it; an echo works
// after each.
Result<> HostLeaves(const std::string& hybrid_socket);
// The guest ends a connection whose bytes it did not read: the host's stream must end.
Result<> GuestLeaves(const std::string& hybrid_socket);
// Starts a transfer of 1 GiB from the guest and reads its first mebibyte.
Result<HostStream> BeginTransfer(const std::string& hybrid_socket);
// Reads on until the stream ends or is reset, which must be before the 1 GiB is there.
Result<> AwaitBrokenOff(HostStream& transfer);

}  // namespace inro::vsock_guest
