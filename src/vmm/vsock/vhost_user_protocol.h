// The messages of the vhost-user protocol (QEMU's docs/interop/vhost-user.rst) that a vsock back
// end needs, and their parsing. A parser takes the payload's bytes and refuses what does not fit
// exactly.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vmm/vsock/guest_memory.h"

namespace inro::vmm {

enum class VhostUserRequest : std::uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kResetOwner = 4,
  kSetMemoryTable = 5,
  kSetLogBase = 6,
  kSetLogFd = 7,
  kSetVringNumber = 8,
  kSetVringAddress = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kSetVringError = 14,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kGetQueueNumber = 17,
  kSetVringEnable = 18,
  kGetConfig = 24,
  kSetConfig = 25,
  kResetDevice = 34,
};

inline constexpr std::uint64_t kFeatureProtocol = std::uint64_t{1} << 30;

inline constexpr std::uint64_t kProtocolMultiQueue = std::uint64_t{1} << 0;
inline constexpr std::uint64_t kProtocolReplyAck = std::uint64_t{1} << 3;
inline constexpr std::uint64_t kProtocolConfig = std::uint64_t{1} << 9;
inline constexpr std::uint64_t kProtocolResetDevice = std::uint64_t{1} << 13;

struct VhostUserHeader {
  std::uint32_t request = 0;
  std::uint32_t flags = 0;
  std::uint32_t size = 0;  // of the payload

  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::uint32_t kVersionMask = 3;
  static constexpr std::uint32_t kReply = 4;
  static constexpr std::uint32_t kNeedReply = 8;
};
static_assert(sizeof(VhostUserHeader) == 12);

// No message that is served here is longer.
inline constexpr std::size_t kVhostUserMaxPayload = 1024;

// "SET_VRING_KICK", for errors; "request N" for an unknown one.
std::string VhostUserRequestName(std::uint32_t request);

// The version is right and the payload's size acceptable.
Result<> CheckHeader(const VhostUserHeader& header);

struct VringState {
  std::uint32_t index = 0;
  std::uint32_t value = 0;
};
struct VringAddress {
  std::uint32_t index = 0;
  std::uint32_t flags = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t used = 0;
  std::uint64_t available = 0;
  std::uint64_t log = 0;
};
static_assert(sizeof(VringAddress) == 40);
// The payload of SET_VRING_KICK, _CALL and _ERR.
struct VringDescriptor {
  std::uint32_t index = 0;
  bool has_fd = false;
};
struct ConfigAccess {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
};
static_assert(sizeof(ConfigAccess) == 12);

Result<std::uint64_t> ParseU64(std::span<const std::byte> payload);
Result<VringState> ParseVringState(std::span<const std::byte> payload);
Result<VringAddress> ParseVringAddress(std::span<const std::byte> payload);
Result<VringDescriptor> ParseVringDescriptor(std::span<const std::byte> payload);
// One region for each of `descriptors` passed descriptors.
Result<std::vector<MemoryRegion>> ParseMemoryTable(std::span<const std::byte> payload,
                                                   std::size_t descriptors);
// The header of GET_CONFIG and SET_CONFIG; `size` bytes follow it in the payload.
Result<ConfigAccess> ParseConfigAccess(std::span<const std::byte> payload);

}  // namespace inro::vmm
