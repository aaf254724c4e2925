// The readers of compressed frames; see compress.h.
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "image/write/compress.h"
#include "image/write/little_endian.h"

namespace inro::image {
namespace {

constexpr std::size_t kLz4Block = std::size_t{8} << 20;
constexpr std::size_t kStep = std::size_t{1} << 20;
constexpr std::uint64_t kXzMemory = std::uint64_t{256} << 20;

std::unexpected<Error> TooLong(std::uint64_t limit) {
  return Fail("unpack: more than {} bytes come out", limit);
}

// One turn of a streaming decoder. `step` gets the input left and the room, says how much of each
// it used, and whether the frame has ended.
struct Turn {
  std::size_t taken = 0;
  std::size_t given = 0;
  bool ended = false;
};
using Step = std::function<Result<Turn>(std::string_view in, char* out, std::size_t room)>;

Result<Decompressed> Stream(std::string_view bytes, std::uint64_t limit, const Step& step) {
  Decompressed result;
  std::size_t given = 0;
  while (true) {
    if (given > limit) return TooLong(limit);
    if (result.bytes.size() - given < kStep / 2) {
      // One byte over the limit tells a frame that is too long from one that just fits.
      const std::uint64_t more = std::max<std::uint64_t>(kStep, result.bytes.size());
      result.bytes.resize(std::min<std::uint64_t>(result.bytes.size() + more, limit + 1));
    }
    INRO_ASSIGN(const Turn turn, step(bytes.substr(result.consumed), result.bytes.data() + given,
                                      result.bytes.size() - given));
    result.consumed += turn.taken;
    given += turn.given;
    if (given > limit) return TooLong(limit);
    if (turn.ended) break;
    if (turn.taken == 0 && turn.given == 0) return Fail("unpack: the data are cut off");
  }
  result.bytes.resize(given);
  return result;
}

Result<Decompressed> Gunzip(std::string_view bytes, std::uint64_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return Fail("gzip: cannot start");
  auto result = Stream(bytes, limit, [&](std::string_view in, char* out, std::size_t room) {
    const std::size_t size = std::min<std::size_t>(in.size(), 1u << 30);
    room = std::min<std::size_t>(room, 1u << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream.avail_in = static_cast<uInt>(size);
    stream.next_out = reinterpret_cast<Bytef*>(out);
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      return Result<Turn>(Fail("gzip: the data are damaged ({})", status));
    }
    return Result<Turn>(
        Turn{size - stream.avail_in, room - stream.avail_out, status == Z_STREAM_END});
  });
  inflateEnd(&stream);
  return result;
}

Result<Decompressed> Unzstd(std::string_view bytes, std::uint64_t limit) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     &ZSTD_freeDCtx);
  return Stream(bytes, limit, [&](std::string_view in, char* out, std::size_t room) {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, room, 0};
    const std::size_t status = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(status)) return Result<Turn>(Fail("zstd: {}", ZSTD_getErrorName(status)));
    return Result<Turn>(Turn{input.pos, output.pos, status == 0});
  });
}

Result<Decompressed> Unxz(std::string_view bytes, std::uint64_t limit) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kXzMemory, 0) != LZMA_OK) return Fail("xz: cannot start");
  auto result = Stream(bytes, limit, [&](std::string_view in, char* out, std::size_t room) {
    stream.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream.avail_in = in.size();
    stream.next_out = reinterpret_cast<std::uint8_t*>(out);
    stream.avail_out = room;
    const lzma_ret status = lzma_code(&stream, LZMA_RUN);
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR) {
      return Result<Turn>(Fail("xz: the data are damaged ({})", static_cast<int>(status)));
    }
    return Result<Turn>(
        Turn{in.size() - stream.avail_in, room - stream.avail_out, status == LZMA_STREAM_END});
  });
  lzma_end(&stream);
  return result;
}

// The frame has no end mark: it ends with the input, or where the next word cannot be a block.
Result<Decompressed> UnLz4Legacy(std::string_view bytes, std::uint64_t limit) {
  Decompressed result;
  std::size_t at = FormatOf(Compression::kLz4).magic.size();
  std::string block(std::min<std::uint64_t>(kLz4Block, limit), '\0');
  while (bytes.size() - at >= 4) {
    const std::uint64_t size = GetLe(bytes, at, 4);
    if (size == 0 || size > static_cast<std::uint64_t>(LZ4_COMPRESSBOUND(kLz4Block))) break;
    if (size > bytes.size() - at - 4) return Fail("lz4: the data are cut off");
    const int got = LZ4_decompress_safe(bytes.data() + at + 4, block.data(), static_cast<int>(size),
                                        static_cast<int>(block.size()));
    if (got < 0) return Fail("lz4: the data are damaged, or too long");
    if (static_cast<std::uint64_t>(got) > limit - result.bytes.size()) return TooLong(limit);
    result.bytes.append(block, 0, static_cast<std::size_t>(got));
    at += 4 + size;
  }
  result.consumed = at;
  return result;
}

}  // namespace

Result<Decompressed> Decompress(std::string_view bytes, Compression format, std::uint64_t limit) {
  switch (format) {
    case Compression::kGzip:
      return Gunzip(bytes, limit);
    case Compression::kZstd:
      return Unzstd(bytes, limit);
    case Compression::kLz4:
      return UnLz4Legacy(bytes, limit);
    case Compression::kXz:
      return Unxz(bytes, limit);
    case Compression::kNone:
      break;
  }
  if (bytes.size() > limit) return TooLong(limit);
  return Decompressed{std::string(bytes), bytes.size()};
}

}  // namespace inro::image
