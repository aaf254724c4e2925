// The further fields of a record as one run of bytes: for each a name, a value, and how the value
// is to be written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inro::guest::logs {

struct Field {
  std::string_view name;
  std::string_view value;
  bool raw = false;  // the value is JSON already: a number, true, false, null
};

// False, and nothing is added, when the list would then be over kMaxFields or the name over
// kMaxName.
bool AppendField(const Field& field, std::string& list);

// Takes the first field off; false at the end, and when the bytes are damaged.
bool TakeField(std::string_view& list, Field& field);

// The value of a field; empty when it is not there.
std::string_view FindField(std::string_view list, std::string_view name);

}  // namespace inro::guest::logs
