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

bool FieldDecoder::Take(std::string& value) const {
  if (field_.type == wire::WireType::kLength) value = field_.bytes;
  return true;
}

bool FieldDecoder::Take(std::vector<std::string>& values) const {
  if (field_.type == wire::WireType::kLength) values.emplace_back(field_.bytes);
  return true;
}

}  // namespace inro::protocol::internal
