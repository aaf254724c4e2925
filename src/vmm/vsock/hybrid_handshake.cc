#include "vmm/vsock/hybrid_handshake.h"

#include <charconv>

namespace inro::vmm {

std::optional<std::uint32_t> ParseConnectLine(std::string_view line) {
  constexpr std::string_view kWord = "CONNECT ";
  if (line.size() <= kWord.size()) return std::nullopt;
  for (std::size_t i = 0; i < kWord.size(); ++i) {
    const char c =
        line[i] >= 'a' && line[i] <= 'z' ? static_cast<char>(line[i] - 'a' + 'A') : line[i];
    if (c != kWord[i]) return std::nullopt;
  }
  line.remove_prefix(kWord.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), port);
  if (error != std::errc() || end != line.data() + line.size()) return std::nullopt;
  return port;
}

}  // namespace inro::vmm
