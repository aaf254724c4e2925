#include "vmm/vsock/vhost_user_protocol.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace inro::vmm {
namespace {

constexpr std::array<std::pair<VhostUserRequest, std::string_view>, 21> kNames = {{
    {VhostUserRequest::kGetFeatures, "GET_FEATURES"},
    {VhostUserRequest::kSetFeatures, "SET_FEATURES"},
    {VhostUserRequest::kSetOwner, "SET_OWNER"},
    {VhostUserRequest::kResetOwner, "RESET_OWNER"},
    {VhostUserRequest::kSetMemoryTable, "SET_MEM_TABLE"},
    {VhostUserRequest::kSetLogBase, "SET_LOG_BASE"},
    {VhostUserRequest::kSetLogFd, "SET_LOG_FD"},
    {VhostUserRequest::kSetVringNumber, "SET_VRING_NUM"},
    {VhostUserRequest::kSetVringAddress, "SET_VRING_ADDR"},
    {VhostUserRequest::kSetVringBase, "SET_VRING_BASE"},
    {VhostUserRequest::kGetVringBase, "GET_VRING_BASE"},
    {VhostUserRequest::kSetVringKick, "SET_VRING_KICK"},
    {VhostUserRequest::kSetVringCall, "SET_VRING_CALL"},
    {VhostUserRequest::kSetVringError, "SET_VRING_ERR"},
    {VhostUserRequest::kGetProtocolFeatures, "GET_PROTOCOL_FEATURES"},
    {VhostUserRequest::kSetProtocolFeatures, "SET_PROTOCOL_FEATURES"},
    {VhostUserRequest::kGetQueueNumber, "GET_QUEUE_NUM"},
    {VhostUserRequest::kSetVringEnable, "SET_VRING_ENABLE"},
    {VhostUserRequest::kGetConfig, "GET_CONFIG"},
    {VhostUserRequest::kSetConfig, "SET_CONFIG"},
    {VhostUserRequest::kResetDevice, "RESET_DEVICE"},
}};

constexpr std::uint64_t kVringIndexMask = 0xff;
constexpr std::uint64_t kVringNoFd = 0x100;

template <class T>
Result<T> ParseExactly(std::span<const std::byte> payload) {
  if (payload.size() != sizeof(T)) {
    return Fail("a payload of {} bytes where {} belong", payload.size(), sizeof(T));
  }
  T value;
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

}  // namespace

std::string VhostUserRequestName(std::uint32_t request) {
  const auto found = std::ranges::find_if(
      kNames, [&](const auto& row) { return std::to_underlying(row.first) == request; });
  if (found != kNames.end()) return std::string(found->second);
  return fmt::format("request {}", request);
}

Result<> CheckHeader(const VhostUserHeader& header) {
  if ((header.flags & VhostUserHeader::kVersionMask) != VhostUserHeader::kVersion) {
    return Fail("flags {:#x} are not of version 1", header.flags);
  }
  if ((header.flags & VhostUserHeader::kReply) != 0) return Fail("a reply to no request");
  if (header.size > kVhostUserMaxPayload) return Fail("a payload of {} bytes", header.size);
  return {};
}

Result<std::uint64_t> ParseU64(std::span<const std::byte> payload) {
  return ParseExactly<std::uint64_t>(payload);
}

Result<VringState> ParseVringState(std::span<const std::byte> payload) {
  return ParseExactly<VringState>(payload);
}

Result<VringAddress> ParseVringAddress(std::span<const std::byte> payload) {
  return ParseExactly<VringAddress>(payload);
}

Result<VringDescriptor> ParseVringDescriptor(std::span<const std::byte> payload) {
  INRO_ASSIGN(const std::uint64_t value, ParseU64(payload));
  return VringDescriptor{static_cast<std::uint32_t>(value & kVringIndexMask),
                         (value & kVringNoFd) == 0};
}

Result<std::vector<MemoryRegion>> ParseMemoryTable(std::span<const std::byte> payload,
                                                   std::size_t descriptors) {
  struct Table {
    std::uint32_t count;
    std::uint32_t padding;
  };
  struct Row {
    std::uint64_t guest_address;
    std::uint64_t size;
    std::uint64_t user_address;
    std::uint64_t file_offset;
  };
  if (payload.size() < sizeof(Table)) return Fail("a memory table of {} bytes", payload.size());
  Table table;
  std::memcpy(&table, payload.data(), sizeof table);
  payload = payload.subspan(sizeof table);
  if (table.count == 0 || table.count > GuestMemory::kMaxRegions) {
    return Fail("{} memory regions", table.count);
  }
  // Some front ends always send the whole array.
  if (payload.size() < table.count * sizeof(Row)) return Fail("a memory table that is cut off");
  if (descriptors != table.count) {
    return Fail("{} descriptors for {} memory regions", descriptors, table.count);
  }
  std::vector<MemoryRegion> regions;
  for (std::uint32_t i = 0; i < table.count; ++i) {
    Row row;
    std::memcpy(&row, payload.data() + i * sizeof row, sizeof row);
    regions.push_back({row.guest_address, row.size, row.user_address, row.file_offset});
  }
  return regions;
}

Result<ConfigAccess> ParseConfigAccess(std::span<const std::byte> payload) {
  ConfigAccess access;
  if (payload.size() < sizeof access) return Fail("a config access of {} bytes", payload.size());
  std::memcpy(&access, payload.data(), sizeof access);
  if (access.size != payload.size() - sizeof access) {
    return Fail("a config access of {} bytes that carries {}", access.size,
                payload.size() - sizeof access);
  }
  return access;
}

}  // namespace inro::vmm
