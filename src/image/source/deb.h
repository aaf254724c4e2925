// A Debian binary package (deb(5)) in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "image/source/archive_entries.h"

namespace inro::image {

struct Deb {
  std::string control;  // the control paragraph, ending in one newline
  std::vector<std::pair<std::string, std::string>> scripts;  // kind -> text, sorted by kind
  std::vector<std::string> conffiles;                        // clean relative paths, as shipped
  std::vector<ArchiveEntry> entries;                         // as shipped, paths clean
};

inline constexpr std::uint64_t kDebLimit = std::uint64_t{4} << 30;  // bytes, unpacked

// Reads a package. `name` is for messages; malformed bytes, paths that leave the root and more
// than `limit` unpacked bytes are kFailed.
Result<Deb> ReadDeb(std::string_view bytes, std::string_view name, std::uint64_t limit = kDebLimit);

// The same package with its members compressed fast and with checksums: reading it takes a tenth
// of the time. ReadDeb reads it.
Result<std::string> RepackDeb(std::string_view bytes, std::string_view name,
                              std::uint64_t limit = kDebLimit);

// The value of a field of a control paragraph ("" when absent), without continuation lines.
std::string_view ControlField(std::string_view paragraph, std::string_view field);

}  // namespace inro::image
