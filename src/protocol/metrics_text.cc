#include "protocol/metrics_text.h"

#include <charconv>

namespace inro::protocol {
namespace {

// The next line without its newline, taken off the front of `rest`.
std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

std::string_view SkipSpaces(std::string_view text) {
  const std::size_t start = text.find_first_not_of(' ');
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

bool IsUpper(char byte) { return byte >= 'A' && byte <= 'Z'; }
bool IsLower(char byte) { return byte >= 'a' && byte <= 'z'; }
bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }

// The label value for a name of /proc/meminfo, as Kata's agent writes it: MemAvailable is
// mem_available, Active(anon) active_anon, SReclaimable s_reclaimable, HugePages_Total
// hugepages_total, DirectMap4k direct_map_4k.
std::string ItemName(std::string_view name) {
  std::string item;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char byte = name[i];
    const char before = i > 0 ? name[i - 1] : '_';
    const bool huge = name.substr(0, i).ends_with("Huge") || name.substr(0, i).ends_with("(");
    const bool word =
        IsUpper(byte) && !huge &&
        (IsLower(before) || (IsUpper(before) && i + 1 < name.size() && IsLower(name[i + 1])));
    const bool number = IsDigit(byte) && IsLower(before);
    if (byte == ')') continue;
    if (word || number || byte == '(') item += '_';
    if (byte != '(') item += IsUpper(byte) ? static_cast<char>(byte + 32) : byte;
  }
  return item;
}

}  // namespace

void AppendMeminfo(std::string_view meminfo, std::string& text) {
  text += "# HELP kata_guest_meminfo Memory of the guest (/proc/meminfo).\n";
  text += "# TYPE kata_guest_meminfo gauge\n";
  while (!meminfo.empty()) {
    const std::string_view line = TakeLine(meminfo);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view digits = SkipSpaces(line.substr(colon + 1));
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc()) continue;
    // Amounts carry the unit kB; the HugePages counts carry none.
    if (std::string_view(end, digits.data() + digits.size()) == " kB") value *= 1024;
    text += "kata_guest_meminfo{item=\"" + ItemName(line.substr(0, colon)) + "\"} " +
            std::to_string(value) + "\n";
  }
}

std::optional<std::uint64_t> MeminfoKib(std::string_view text, std::string_view item) {
  const std::string start = "kata_guest_meminfo{item=\"" + std::string(item) + "\"} ";
  while (!text.empty()) {
    std::string_view line = TakeLine(text);
    if (!line.starts_with(start)) continue;
    line.remove_prefix(start.size());
    // The Prometheus format allows "1.5e+06" as well as an integer.
    double value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(value) / 1024;
  }
  return std::nullopt;
}

}  // namespace inro::protocol
