// The line by which a host process asks for a port of the guest: "CONNECT <port>\n", the word in
// any case (the convention of Firecracker, Cloud Hypervisor and Kata).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace inro::vmm {

// A longer line is no CONNECT.
inline constexpr std::size_t kMaxConnectLine = 64;

// The port, from the line without its newline; nothing if it is no such line.
std::optional<std::uint32_t> ParseConnectLine(std::string_view line);

}  // namespace inro::vmm
