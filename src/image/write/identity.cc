#include "image/write/identity.h"

#include <array>

#include "image/tree/digest.h"

namespace inro::image {
namespace {

constexpr std::array<std::uint32_t, 256> MakeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = MakeTable();

}  // namespace

std::string Uuid(const Tree& tree, std::string_view purpose) {
  const std::string hex = Sha256Hex(tree.Digest() + std::string(purpose));
  std::string uuid;
  for (std::size_t i = 0; i < 16; ++i) {
    uuid += static_cast<char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  }
  uuid[6] = static_cast<char>((uuid[6] & 0x0f) | 0x80);
  uuid[8] = static_cast<char>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

std::uint32_t Crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return crc;
}

}  // namespace inro::image
