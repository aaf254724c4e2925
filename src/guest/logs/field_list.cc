#include "guest/logs/field_list.h"

#include <cstring>

#include "guest/logs/record.h"

namespace inro::guest::logs {
namespace {

struct FieldHeader {
  std::uint8_t name_size;
  std::uint8_t raw;
  std::uint16_t value_size;
};
static_assert(kMaxName <= 0xff && kMaxFields <= 0xffff);

}  // namespace

bool AppendField(const Field& field, std::string& list) {
  const std::size_t size = sizeof(FieldHeader) + field.name.size() + field.value.size();
  if (field.name.size() > kMaxName || list.size() + size > kMaxFields) return false;
  const FieldHeader header{static_cast<std::uint8_t>(field.name.size()), field.raw,
                           static_cast<std::uint16_t>(field.value.size())};
  char bytes[sizeof header];
  std::memcpy(bytes, &header, sizeof header);
  list.append(bytes, sizeof bytes);
  list += field.name;
  list += field.value;
  return true;
}

bool TakeField(std::string_view& list, Field& field) {
  FieldHeader header;
  if (list.size() < sizeof header) return false;
  std::memcpy(&header, list.data(), sizeof header);
  const std::size_t size = sizeof header + header.name_size + header.value_size;
  if (list.size() < size) return false;
  field.name = list.substr(sizeof header, header.name_size);
  field.value = list.substr(sizeof header + header.name_size, header.value_size);
  field.raw = header.raw != 0;
  list.remove_prefix(size);
  return true;
}

std::string_view FindField(std::string_view list, std::string_view name) {
  for (Field field; TakeField(list, field);) {
    if (field.name == name) return field.value;
  }
  return {};
}

}  // namespace inro::guest::logs
