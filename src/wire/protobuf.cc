#include "wire/protobuf.h"

namespace inro::wire {
namespace {

constexpr std::uint64_t kLargestField = (std::uint64_t{1} << 29) - 1;

std::uint64_t LittleEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}

}  // namespace

bool WireReader::TakeVarint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 9 && byte > 1) return false;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool WireReader::Malformed() {
  malformed_ = true;
  rest_ = {};
  return false;
}

bool WireReader::Next(WireField& field) {
  if (rest_.empty()) return false;
  std::uint64_t tag = 0;
  if (!TakeVarint(rest_, tag)) return Malformed();
  if ((tag >> 3) == 0 || (tag >> 3) > kLargestField) return Malformed();
  field.field = static_cast<std::uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  field.number = 0;
  field.bytes = {};
  switch (field.type) {
    case WireType::kVarint:
      return TakeVarint(rest_, field.number) || Malformed();
    case WireType::kFixed64:
    case WireType::kFixed32: {
      const std::size_t size = field.type == WireType::kFixed64 ? 8 : 4;
      if (rest_.size() < size) return Malformed();
      field.number = LittleEndian(rest_.substr(0, size));
      rest_.remove_prefix(size);
      return true;
    }
    case WireType::kLength: {
      std::uint64_t size = 0;
      if (!TakeVarint(rest_, size) || size > rest_.size()) return Malformed();
      field.bytes = rest_.substr(0, size);
      rest_.remove_prefix(size);
      return true;
    }
  }
  return Malformed();
}

void WireWriter::RawVarint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void WireWriter::Tag(std::uint32_t field, WireType type) {
  RawVarint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
}

void WireWriter::Varint(std::uint32_t field, std::uint64_t value) {
  Tag(field, WireType::kVarint);
  RawVarint(value);
}

void WireWriter::Bytes(std::uint32_t field, std::string_view bytes) {
  Tag(field, WireType::kLength);
  RawVarint(bytes.size());
  out_.append(bytes);
}

void WireWriter::Fixed32(std::uint32_t field, std::uint32_t value) {
  Tag(field, WireType::kFixed32);
  LittleEndian(value, 4);
}

void WireWriter::Fixed64(std::uint32_t field, std::uint64_t value) {
  Tag(field, WireType::kFixed64);
  LittleEndian(value, 8);
}

void WireWriter::LittleEndian(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out_.push_back(static_cast<char>(value & 0xff));
    value >>= 8;
  }
}

}  // namespace inro::wire
