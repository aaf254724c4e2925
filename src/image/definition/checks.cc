#include "image/definition/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "protocol/extension_parameter.h"

namespace inro::image {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

// Whether every character is a letter, a digit or one of `others`.
bool OnlyHas(std::string_view value, std::string_view others, bool upper = true) {
  return std::all_of(value.begin(), value.end(), [&](char c) {
    return kLower.contains(c) || kDigits.contains(c) || others.contains(c) ||
           (upper && kUpper.contains(c));
  });
}

bool StartsWithLetterOrDigit(std::string_view value) {
  return !value.empty() && OnlyHas(value.substr(0, 1), "");
}

}  // namespace

std::string CheckName(std::string_view value) {
  if (StartsWithLetterOrDigit(value) && value.size() <= 64 && OnlyHas(value, "._-")) return "";
  return fmt::format(
      "'{}' cannot name files: use up to 64 letters, digits, '.', '_' and '-', a letter or digit "
      "first",
      value);
}

std::string CheckHostName(std::string_view value) {
  if (StartsWithLetterOrDigit(value) && value.size() <= 64 && OnlyHas(value, ".-") &&
      value.back() != '-' && value.back() != '.') {
    return "";
  }
  return fmt::format(
      "'{}' is not a host name: use up to 64 letters, digits, '-' and '.', a letter or digit at "
      "both ends",
      value);
}

std::string CheckInit(std::string_view value) {
  if (value == "systemd" || value == "inro") return "";
  if (value.starts_with('/') && CheckGuestPath(value).empty()) return "";
  return fmt::format(
      "'{}' is no init: use \"systemd\", \"inro\", or an absolute path in the guest such as "
      "\"/sbin/init\"",
      value);
}

std::string CheckSuite(std::string_view value) {
  if (StartsWithLetterOrDigit(value) && OnlyHas(value, "._-/")) return "";
  return fmt::format("'{}' is not the name of a suite such as \"bookworm\"", value);
}

std::string CheckPackage(std::string_view value) {
  if (StartsWithLetterOrDigit(value) && value.size() >= 2 && OnlyHas(value, "+.-:=~_")) return "";
  return fmt::format("'{}' is not the name of a package such as \"chrony\"", value);
}

std::string CheckUri(std::string_view value) {
  for (std::string_view scheme : {"http://", "https://", "file:/", "copy:/"}) {
    if (value.starts_with(scheme) && value.size() > scheme.size() && !value.contains(' ') &&
        !value.contains('\n')) {
      return "";
    }
  }
  return fmt::format("'{}' is no address of a mirror such as \"http://deb.debian.org/debian\"",
                     value);
}

std::string CheckComponent(std::string_view value) {
  if (StartsWithLetterOrDigit(value) && OnlyHas(value, "._-/")) return "";
  return fmt::format("'{}' is not the name of a component such as \"main\"", value);
}

std::string CheckArchitecture(std::string_view value) {
  if (value == "amd64") return "";
  return fmt::format("guests of architecture '{}' cannot be made yet: use \"amd64\"", value);
}

std::string CheckModule(std::string_view value) {
  if (StartsWithLetterOrDigit(value) && OnlyHas(value, "_-")) return "";
  return fmt::format("'{}' is not the name of a kernel module such as \"virtio_net\"", value);
}

std::string CheckUnitName(std::string_view value) {
  constexpr std::string_view kSuffixes[] = {".service", ".socket", ".target", ".mount",
                                            ".timer",   ".path",   ".slice",  ".automount"};
  const bool suffix = std::any_of(std::begin(kSuffixes), std::end(kSuffixes), [&](auto end) {
    return value.ends_with(end) && value.size() > end.size();
  });
  if (suffix && OnlyHas(value, ":-_.\\@")) return "";
  return fmt::format("'{}' is not the name of a unit such as \"chrony.service\"", value);
}

std::string CheckGuestPath(std::string_view value) {
  const bool clean = value.starts_with('/') && value.size() > 1 && !value.ends_with('/') &&
                     !value.contains('\0') && !value.contains("//") && !value.contains("/./") &&
                     !fmt::format("{}/", value).contains("/../");
  if (clean) return "";
  return fmt::format("'{}' is not an absolute path in the guest such as \"/etc/motd\"", value);
}

std::string CheckExtension(std::string_view value) {
  if (protocol::IsExtensionName(value) && value.size() <= protocol::kLongestExtensionName) {
    return {};
  }
  return fmt::format("'{}' cannot name an extension: use 1 to {} letters, digits, '_' and '-'",
                     value, protocol::kLongestExtensionName);
}

std::string CheckImageTag(std::string_view value) {
  if (StartsWithLetterOrDigit(value) && OnlyHas(value, "._-/:+@")) return {};
  return fmt::format(
      "'{}' is not the name of an image such as \"latest\" or \"docker.io/library/debian:12\"",
      value);
}

std::string CheckAccount(std::string_view value) {
  if (!value.empty() && value.size() <= 31 && OnlyHas(value, "_-", false) &&
      (kLower.contains(value[0]) || value[0] == '_')) {
    return "";
  }
  return fmt::format(
      "'{}' is not a user or group name: use up to 31 small letters, digits, '_' and '-', a letter "
      "or '_' first",
      value);
}

std::string CheckKernelWord(std::string_view value) {
  const bool printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!value.empty() && printable) return "";
  return fmt::format("'{}' is not one word of a kernel command line such as \"quiet\"", value);
}

std::optional<std::uint64_t> ParseSize(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.empty()) return number;
  const std::size_t power = std::string_view("KMGT").find(unit[0]);
  if (power == std::string_view::npos) return std::nullopt;
  if (unit.size() > 1 && unit.substr(1) != "iB") return std::nullopt;
  const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
  if (number > (~std::uint64_t{0} >> shift)) return std::nullopt;
  return number << shift;
}

std::optional<std::uint32_t> ParseMode(std::string_view text) {
  if (text.size() < 3 || text.size() > 5 || (text.size() == 5 && text[0] != '0')) {
    return std::nullopt;
  }
  std::uint32_t mode = 0;
  for (char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
  }
  return mode;
}

}  // namespace inro::image
