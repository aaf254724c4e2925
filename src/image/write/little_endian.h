// Little-endian fields in byte buffers: how every format of this folder stores its numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace inro::image {

// Stores the low `width` bytes of `value` at `offset`, which must lie inside the buffer.
inline void PutLe(std::string& bytes, std::size_t offset, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) {
    bytes[offset + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i) & 0xff);
  }
}

inline void AppendLe(std::string& bytes, std::uint64_t value, int width) {
  const std::size_t at = bytes.size();
  bytes.resize(at + static_cast<std::size_t>(width));
  PutLe(bytes, at, value, width);
}

// Reads `width` bytes at `offset`; bytes beyond the end count as zero, so that a reader of hostile
// input can check sizes once, before it trusts what it read.
inline std::uint64_t GetLe(std::string_view bytes, std::size_t offset, int width) {
  std::uint64_t value = 0;
  for (int i = width; i-- > 0;) {
    const std::size_t at = offset + static_cast<std::size_t>(i);
    value = value << 8 | (at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u);
  }
  return value;
}

inline std::uint64_t RoundUp(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace inro::image
