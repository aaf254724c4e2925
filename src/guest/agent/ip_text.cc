#include "guest/agent/ip_text.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace inro::guest::agent {

Result<IpBytes> ParseIp(const std::string& text) {
  IpBytes address{std::string(16, '\0')};
  const bool v6 = text.find(':') != std::string::npos;
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), address.bytes.data()) != 1) {
    return FailAs(ErrorKind::kBadInput, "bad IP address \"{}\"", text);
  }
  if (!v6) address.bytes.resize(4);
  return address;
}

Result<int> ParsePrefix(std::string_view text, bool v6) {
  int prefix = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || prefix < 0 || prefix > (v6 ? 128 : 32)) {
    return FailAs(ErrorKind::kBadInput, "bad prefix length \"{}\"", text);
  }
  return prefix;
}

Result<IpPrefix> ParseIpPrefix(const std::string& text) {
  const std::size_t slash = text.find('/');
  INRO_ASSIGN(IpBytes address, ParseIp(text.substr(0, slash)));
  int prefix = address.v6() ? 128 : 32;
  if (slash != std::string::npos) {
    INRO_ASSIGN(prefix, ParsePrefix(std::string_view(text).substr(slash + 1), address.v6()));
  }
  return IpPrefix{std::move(address), prefix};
}

Result<std::string> ParseHardware(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at + 2 <= text.size(); at += 3) {
    unsigned value = 0;
    const char* start = text.data() + at;
    const auto [end, error] = std::from_chars(start, start + 2, value, 16);
    const bool separated = at + 2 == text.size() || text[at + 2] == ':';
    if (error != std::errc() || end != start + 2 || !separated) break;
    bytes += static_cast<char>(value);
  }
  if (bytes.empty() || bytes.size() * 3 - 1 != text.size()) {
    return FailAs(ErrorKind::kBadInput, "bad hardware address \"{}\"", text);
  }
  return bytes;
}

std::string IpText(const IpBytes& address) {
  if (address.bytes.empty()) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address.v6() ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return text.data();
}

std::string HardwareText(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (!text.empty()) text += ':';
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

}  // namespace inro::guest::agent
