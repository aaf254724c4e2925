#include "protocol/message.h"

namespace inro::protocol::internal {

void FieldEncoder::PutNumber(std::uint32_t number, std::uint64_t value) {
  if (value != 0) wire::WireWriter(out_).Varint(number, value);
}

void FieldEncoder::PutBytes(std::uint32_t number, std::string_view bytes) {
  wire::WireWriter(out_).Bytes(number, bytes);
}

void FieldEncoder::Put(std::uint32_t number, const std::string& value) {
  if (!value.empty()) PutBytes(number, value);
}

void FieldEncoder::Put(std::uint32_t number, const std::vector<std::string>& values) {
  for (const std::string& value : values) PutBytes(number, value);
}

void FieldEncoder::Put(std::uint32_t number, Fixed32 value) {
  if (value.value != 0) wire::WireWriter(out_).Fixed32(number, value.value);
}

void FieldEncoder::Put(std::uint32_t number, Fixed64 value) {
  if (value.value != 0) wire::WireWriter(out_).Fixed64(number, value.value);
}

void FieldEncoder::Put(std::uint32_t number, const std::optional<std::string>& value) {
  if (value) PutBytes(number, *value);
}

void FieldEncoder::Put(std::uint32_t number, const std::optional<Fixed64>& value) {
  if (value) wire::WireWriter(out_).Fixed64(number, value->value);
}

bool FieldDecoder::Take(Fixed32& value) const {
  if (field_.type == wire::WireType::kFixed32) {
    value.value = static_cast<std::uint32_t>(field_.number);
  }
  return true;
}

bool FieldDecoder::Take(Fixed64& value) const {
  if (field_.type == wire::WireType::kFixed64) value.value = field_.number;
  return true;
}

bool FieldDecoder::Take(std::optional<std::string>& value) const {
  if (field_.type == wire::WireType::kLength) value.emplace(field_.bytes);
  return true;
}

bool FieldDecoder::Take(std::optional<Fixed64>& value) const {
  if (field_.type == wire::WireType::kFixed64) value.emplace().value = field_.number;
  return true;
}

bool FieldDecoder::Take(std::string& value) const {
  if (field_.type == wire::WireType::kLength) value = field_.bytes;
  return true;
}

bool FieldDecoder::Take(std::vector<std::string>& values) const {
  if (field_.type == wire::WireType::kLength) values.emplace_back(field_.bytes);
  return true;
}

}  // namespace inro::protocol::internal
