#include "image/kernel/decompress.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <memory>

namespace inro::image {
namespace {

constexpr std::size_t kLimit = std::size_t{64} << 20;
constexpr std::size_t kChunk = std::size_t{256} << 10;

std::unexpected<Error> Damaged(std::string_view name) {
  return Fail("decompress {}: the data is damaged or too large", name);
}

Result<std::string> Unxz(std::string_view name, std::string_view bytes) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK) return Damaged(name);
  const std::unique_ptr<lzma_stream, decltype(&lzma_end)> owner(&stream, lzma_end);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  std::string text;
  lzma_ret state = LZMA_OK;
  while (state == LZMA_OK) {
    const std::size_t have = text.size();
    if (have > kLimit) return Damaged(name);
    text.resize(have + kChunk);
    stream.next_out = reinterpret_cast<std::uint8_t*>(text.data() + have);
    stream.avail_out = kChunk;
    state = lzma_code(&stream, LZMA_FINISH);
    text.resize(have + kChunk - stream.avail_out);
  }
  if (state != LZMA_STREAM_END) return Damaged(name);
  return text;
}

Result<std::string> Unzstd(std::string_view name, std::string_view bytes) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                          ZSTD_freeDStream);
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  std::string text;
  std::size_t state = 1;
  while (state != 0) {
    const std::size_t have = text.size();
    if (have > kLimit) return Damaged(name);
    text.resize(have + kChunk);
    ZSTD_outBuffer out = {text.data() + have, kChunk, 0};
    state = ZSTD_decompressStream(stream.get(), &out, &in);
    text.resize(have + out.pos);
    const bool stuck = out.pos == 0 && in.pos == in.size;
    if (ZSTD_isError(state) != 0 || (state != 0 && stuck)) return Damaged(name);
  }
  return text;
}

Result<std::string> Gunzip(std::string_view name, std::string_view bytes) {
  z_stream stream = {};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzip) != Z_OK) return Damaged(name);
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> owner(&stream, inflateEnd);
  std::string input(bytes);  // zlib's interface takes it as writable
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  std::string text;
  int state = Z_OK;
  while (state == Z_OK) {
    const std::size_t have = text.size();
    if (have > kLimit) return Damaged(name);
    text.resize(have + kChunk);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + have);
    stream.avail_out = static_cast<uInt>(kChunk);
    state = inflate(&stream, Z_NO_FLUSH);
    text.resize(have + kChunk - stream.avail_out);
  }
  if (state != Z_STREAM_END) return Damaged(name);
  return text;
}

}  // namespace

std::string_view WithoutCompressionSuffix(std::string_view name) {
  for (const std::string_view suffix : {".xz", ".zst", ".gz"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

Result<std::string> DecompressModule(std::string_view name, std::string_view bytes) {
  if (name.ends_with(".xz")) return Unxz(name, bytes);
  if (name.ends_with(".zst")) return Unzstd(name, bytes);
  if (name.ends_with(".gz")) return Gunzip(name, bytes);
  return std::string(bytes);
}

}  // namespace inro::image
