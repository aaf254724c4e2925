#include "image/write/compress.h"

#include <lz4hc.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "image/write/little_endian.h"

namespace inro::image {
namespace {

using namespace std::string_view_literals;

constexpr CompressionFormat kFormats[] = {
    {Compression::kNone, "none", "", 0, 0, 0, true, "not compressed: the kernel only copies"},
    {Compression::kGzip, "gzip", "\x1f\x8b", 9, 1, 9, true, "every kernel unpacks it"},
    {Compression::kZstd, "zstd", "\x28\xb5\x2f\xfd", 19, 1, 19, true, "the smallest"},
    {Compression::kLz4, "lz4", "\x02\x21\x4c\x18", 9, 1, 12, true, "the fastest to unpack"},
    {Compression::kXz, "xz",
     "\xfd"
     "7zXZ\0"sv,
     6, 0, 9, false, "read only"},
};

// The legacy frame: the magic, then blocks of 8 MiB of input, each after its compressed size.
constexpr std::size_t kLz4Block = std::size_t{8} << 20;

Result<std::string> Gzip(std::string_view bytes, int level) {
  z_stream stream{};
  // 15 + 16: the largest window, a gzip header; zlib writes it without name and time.
  if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Fail("gzip: cannot start");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  std::size_t taken = 0;
  std::size_t given = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    // zlib counts in 32 bits.
    const std::size_t in = std::min<std::size_t>(bytes.size() - taken, 1u << 30);
    const std::size_t room = std::min<std::size_t>(out.size() - given, 1u << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + given);
    stream.avail_out = static_cast<uInt>(room);
    status = deflate(&stream, taken + in == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    taken += in - stream.avail_in;
    given += room - stream.avail_out;
  }
  deflateEnd(&stream);
  if (status != Z_STREAM_END) return Fail("gzip: error {}", status);
  out.resize(given);
  return out;
}

Result<std::string> Zstd(std::string_view bytes, int level) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     &ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  // The frame depends on the size of a job, not on how many workers share the jobs; both are fixed
  // all the same. A library without threads refuses, and would make other bytes.
  for (const auto& [parameter, value] :
       {std::pair{ZSTD_c_nbWorkers, 2}, std::pair{ZSTD_c_jobSize, 8 << 20}}) {
    const std::size_t status = ZSTD_CCtx_setParameter(context.get(), parameter, value);
    if (ZSTD_isError(status)) return Fail("zstd: {}", ZSTD_getErrorName(status));
  }
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) return Fail("zstd: {}", ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> Lz4Legacy(std::string_view bytes, int level) {
  std::string out(FormatOf(Compression::kLz4).magic);
  while (!bytes.empty()) {
    const std::string_view block = bytes.substr(0, kLz4Block);
    bytes.remove_prefix(block.size());
    const std::size_t header = out.size();
    const int bound = LZ4_compressBound(static_cast<int>(block.size()));
    out.resize(header + 4 + static_cast<std::size_t>(bound));
    const int size = LZ4_compress_HC(block.data(), out.data() + header + 4,
                                     static_cast<int>(block.size()), bound, level);
    if (size <= 0) return Fail("lz4: a block of {} bytes was not compressed", block.size());
    PutLe(out, header, static_cast<std::uint64_t>(size), 4);
    out.resize(header + 4 + static_cast<std::size_t>(size));
  }
  return out;
}

}  // namespace

std::span<const CompressionFormat> CompressionFormats() { return kFormats; }

const CompressionFormat& FormatOf(Compression id) {
  return *std::ranges::find(kFormats, id, &CompressionFormat::id);
}

Result<Compression> ParseCompression(std::string_view name) {
  std::string names;
  for (const CompressionFormat& format : kFormats) {
    if (!format.writable) continue;
    if (format.name == name) return format.id;
    names += (names.empty() ? "" : ", ") + std::string(format.name);
  }
  return FailAs(ErrorKind::kBadInput, "no compression \"{}\"; one of: {}", name, names);
}

Result<std::string> Compress(std::string_view bytes, Compression format, std::optional<int> level) {
  const CompressionFormat& row = FormatOf(format);
  const int chosen = level.value_or(row.default_level);
  if (!row.writable) return FailAs(ErrorKind::kBadInput, "{} is {}", row.name, row.about);
  if (chosen < row.min_level || chosen > row.max_level) {
    return FailAs(ErrorKind::kBadInput, "{} has no level {}; from {} to {}", row.name, chosen,
                  row.min_level, row.max_level);
  }
  switch (format) {
    case Compression::kGzip:
      return Gzip(bytes, chosen);
    case Compression::kZstd:
      return Zstd(bytes, chosen);
    case Compression::kLz4:
      return Lz4Legacy(bytes, chosen);
    case Compression::kNone:
    case Compression::kXz:
      break;
  }
  return std::string(bytes);
}

std::optional<Compression> DetectCompression(std::string_view bytes) {
  for (const CompressionFormat& format : kFormats) {
    if (!format.magic.empty() && bytes.starts_with(format.magic)) return format.id;
  }
  return std::nullopt;
}

}  // namespace inro::image
