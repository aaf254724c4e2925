#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "wire/ttrpc.h"

// Frames do not depend on how the stream is cut: the first byte of the input says how.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace inro::wire;
  if (size == 0) return 0;
  const std::size_t step = data[0] % 17 + std::size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto read = [&](std::size_t cut) {
    std::vector<std::string> frames;
    FrameReader reader;
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
      std::string_view part = bytes.substr(at, cut);
      for (FrameReader::Frame frame; reader.Take(part, frame);) {
        if (frame.too_long != (frame.header.length > kFrameDataLimit)) std::abort();
        if (!frame.too_long && frame.data.size() != frame.header.length) std::abort();
        frames.push_back(std::to_string(frame.header.stream) + "/" + frame.data);
      }
      if (!part.empty() || reader.held() > kFrameHeaderSize + kFrameDataLimit) std::abort();
    }
    return frames;
  };
  if (read(step) != read(std::max<std::size_t>(bytes.size(), 1))) std::abort();
  return 0;
}
