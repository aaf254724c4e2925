// Hybrid vsock: a Unix socket on the host that leads to a guest's vsock ports (the convention of
// Firecracker, Cloud Hypervisor and Kata). The client sends "CONNECT <port>\n" and reads
// "OK <port>\n"; what follows are the bytes of the connection. A guest's connection to host port P
// arrives at the socket "<path>_P".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::wire {

// A handshake line is never longer, its newline included.
inline constexpr std::size_t kHybridLineLimit = 64;

std::string HybridRequest(std::uint32_t port);
std::string HybridReply(std::uint32_t port);
// `line` without its newline. The word is taken in any case; one space; a decimal port.
std::optional<std::uint32_t> ParseHybridRequest(std::string_view line);
std::optional<std::uint32_t> ParseHybridReply(std::string_view line);

// Connects to the socket at `path` and shakes hands. The descriptor is blocking. Errors: kTimeout,
// kClosed when the peer hangs up or refuses, kNotFound when there is no such socket.
Result<UniqueFd> ConnectHybrid(const std::string& path, std::uint32_t port,
                               std::chrono::milliseconds timeout);

// The same over a Unix socket that is already connected (it may be non-blocking).
Result<> ShakeHybrid(int fd, std::uint32_t port, std::chrono::milliseconds timeout);

}  // namespace inro::wire
