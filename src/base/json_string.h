// Text as a JSON string, for programs too small for a JSON library.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inro {

// The size of the UTF-8 sequence at the front of `text`, which is not empty; 0 when it is none.
std::size_t Utf8Size(std::string_view text);

// Appends `text` as a JSON string, with its quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace inro
