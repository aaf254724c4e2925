// The protobuf wire format, as much of it as a message codec needs: varints, fixed words and
// length-delimited fields (protobuf.dev, "Encoding"). Nothing here allocates but the output string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace inro::wire {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

// One field as it stands in the bytes: `number` is set for varints and fixed words, `bytes` (a view
// into the input) for length-delimited fields.
struct WireField {
  std::uint32_t field = 0;
  WireType type = WireType::kVarint;
  std::uint64_t number = 0;
  std::string_view bytes;
};

// Walks over the fields of one message. Groups (deprecated, never sent by Kata) are malformed.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  // False at the end and when the bytes are malformed; malformed() tells which.
  bool Next(WireField& field);
  bool malformed() const { return malformed_; }

  // One varint off the front of `bytes`; false when it is cut short or over 64 bits.
  static bool TakeVarint(std::string_view& bytes, std::uint64_t& value);

 private:
  bool Malformed();

  std::string_view rest_;
  bool malformed_ = false;
};

// Appends fields to a string. Zero and empty values are written too: the caller omits defaults.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  void Varint(std::uint32_t field, std::uint64_t value);
  void Bytes(std::uint32_t field, std::string_view bytes);
  void Fixed32(std::uint32_t field, std::uint32_t value);
  void Fixed64(std::uint32_t field, std::uint64_t value);
  void RawVarint(std::uint64_t value);
  void Tag(std::uint32_t field, WireType type);

 private:
  void LittleEndian(std::uint64_t value, int bytes);

  std::string& out_;
};

}  // namespace inro::wire
