#include "image/write/erofs_cluster.h"

#include <lz4hc.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "image/write/erofs_format.h"
#include "image/write/little_endian.h"

namespace inro::image::erofs {
namespace {

// Files are cut here, so that one large file keeps all processors busy. A multiple of 4096, and
// small enough for the distances in the index table (below 2048 logical blocks).
constexpr std::size_t kSegment = std::size_t{2} << 20;

struct Segment {
  std::size_t file;
  std::uint64_t start;
  std::string_view bytes;
  std::vector<Extent> extents;
};

void AddPlain(Segment& segment, std::size_t at, std::size_t length) {
  for (std::size_t done = 0; done < length; done += kBlock) {
    const std::string_view part = segment.bytes.substr(at + done, std::min(kBlock, length - done));
    Extent extent{segment.start + at + done, part.size(), false, std::string(part)};
    extent.data.resize(kBlock);
    segment.extents.push_back(std::move(extent));
  }
}

// Fills clusters of a fixed compressed size with as much of the segment as fits into each.
void CompressSegment(Segment& segment, const ClusterOptions& options, void* state,
                     std::string& buffer) {
  std::size_t at = 0;
  while (at < segment.bytes.size()) {
    const std::string_view rest = segment.bytes.substr(at);
    int taken = static_cast<int>(rest.size());
    const int size =
        rest.size() <= kBlock
            ? 0
            : LZ4_compress_HC_destSize(state, rest.data(), buffer.data(), &taken,
                                       static_cast<int>(options.cluster_bytes), options.level);
    const std::size_t stored = RoundUp(static_cast<std::size_t>(std::max(size, 0)), kBlock);
    const auto covered = static_cast<std::size_t>(taken);
    if (size > 0 && covered > stored) {
      Extent extent{segment.start + at, covered, true, std::string(stored, '\0')};
      std::copy_n(buffer.data(), size,
                  extent.data.data() + stored - static_cast<std::size_t>(size));
      segment.extents.push_back(std::move(extent));
      at += covered;
    } else {
      const std::size_t plain = std::min(rest.size(), options.cluster_bytes);
      AddPlain(segment, at, plain);
      at += plain;
    }
  }
}

std::vector<Segment> Cut(const std::vector<std::string_view>& files) {
  std::vector<Segment> segments;
  for (std::size_t file = 0; file < files.size(); ++file) {
    for (std::size_t at = 0; at < files[file].size(); at += kSegment) {
      segments.push_back({file, at, files[file].substr(at, kSegment), {}});
    }
  }
  return segments;
}

}  // namespace

Result<std::vector<std::vector<Extent>>> CompressFiles(const std::vector<std::string_view>& files,
                                                       const ClusterOptions& options) {
  std::vector<Segment> segments = Cut(files);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    std::string state(static_cast<std::size_t>(LZ4_sizeofStateHC()), '\0');
    std::string buffer(options.cluster_bytes, '\0');
    for (std::size_t i = next++; i < segments.size(); i = next++) {
      CompressSegment(segments[i], options, state.data(), buffer);
    }
  };
  {
    const unsigned wanted =
        options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::jthread> workers;
    for (unsigned i = 1; i < wanted && i < segments.size(); ++i) workers.emplace_back(work);
    work();
  }
  std::vector<std::vector<Extent>> result(files.size());
  for (Segment& segment : segments) {
    std::ranges::move(segment.extents, std::back_inserter(result[segment.file]));
  }
  for (std::size_t file = 0; file < files.size(); ++file) {
    std::size_t stored = kMapHeader + RoundUp(files[file].size(), kBlock) / kBlock * kIndexSize;
    for (const Extent& extent : result[file]) stored += extent.data.size();
    if (stored >= files[file].size()) result[file].clear();
  }
  return result;
}

std::string IndexTable(const std::vector<Extent>& extents, std::uint64_t size,
                       std::uint64_t first_block) {
  const std::uint64_t count = RoundUp(size, kBlock) / kBlock;
  std::string table(count * kIndexSize, '\0');
  std::uint64_t block = first_block;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Extent& extent = extents[i];
    const std::uint64_t head = extent.start / kBlock;
    const std::uint64_t next = i + 1 < extents.size() ? extents[i + 1].start / kBlock : count;
    PutLe(table, head * kIndexSize, extent.compressed ? kIndexHead : kIndexPlain, 2);
    PutLe(table, head * kIndexSize + 2, extent.start % kBlock, 2);
    PutLe(table, head * kIndexSize + 4, block, 4);
    for (std::uint64_t at = head + 1; at < next; ++at) {
      // The first one carries the number of blocks instead of the distance 1.
      const bool says_blocks = at == head + 1 && extent.compressed;
      PutLe(table, at * kIndexSize, kIndexNonHead, 2);
      PutLe(table, at * kIndexSize + 4, says_blocks ? kBlockCountFlag | extent.blocks() : at - head,
            2);
      PutLe(table, at * kIndexSize + 6, next - at, 2);
    }
    block += extent.blocks();
  }
  // A plain extent that begins in the block before the last: the kernel takes the end of a file's
  // last extent from the block's, which makes it longer than the 4096 bytes that a plain one can
  // have (6.12 refuses that). An entry at the file's end, as mkfs.erofs writes it, says the end.
  if (!extents.empty() && !extents.back().compressed && size % kBlock != 0 &&
      extents.back().start / kBlock + 1 < count) {
    PutLe(table, (count - 1) * kIndexSize, kIndexPlain, 2);
    PutLe(table, (count - 1) * kIndexSize + 2, size % kBlock, 2);
    PutLe(table, (count - 1) * kIndexSize + 4, 0, 4);
  }
  return table;
}

}  // namespace inro::image::erofs
