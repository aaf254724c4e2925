// Compression of whole buffers, in the frames that the kernel unpacks an initramfs from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::image {

enum class Compression { kNone, kGzip, kZstd, kLz4, kXz };

// One row a format. `name` is the word of the definition.
struct CompressionFormat {
  Compression id;
  std::string_view name;
  std::string_view magic;  // first bytes of the frame
  int default_level;       // strongest that pays off for an artifact
  int min_level;
  int max_level;
  bool writable;           // xz is only read
  std::string_view about;  // for help and documentation
};
std::span<const CompressionFormat> CompressionFormats();
const CompressionFormat& FormatOf(Compression id);

// The writable format with this name; kBadInput with the list of names otherwise.
Result<Compression> ParseCompression(std::string_view name);

// Compresses. No name, no time stamp, a fixed number of workers: equal input gives equal bytes on
// every machine with the same library. `level` outside of the format's range is kBadInput.
Result<std::string> Compress(std::string_view bytes, Compression format,
                             std::optional<int> level = std::nullopt);

// The format whose magic the bytes begin with.
std::optional<Compression> DetectCompression(std::string_view bytes);

struct Decompressed {
  std::string bytes;
  std::size_t consumed = 0;  // input bytes that the frame took; others may follow
};
// Unpacks one frame. Safe on any bytes; an error when more than `limit` bytes come out.
Result<Decompressed> Decompress(std::string_view bytes, Compression format, std::uint64_t limit);

}  // namespace inro::image
