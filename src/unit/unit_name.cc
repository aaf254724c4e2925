#include "unit/unit_name.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "unit/text.h"

namespace inro::unit {
namespace {

constexpr std::array<std::pair<std::string_view, UnitKind>, 11> kSuffixes = {{
    {".service", UnitKind::kService},
    {".target", UnitKind::kTarget},
    {".socket", UnitKind::kSocket},
    {".timer", UnitKind::kTimer},
    {".mount", UnitKind::kMount},
    {".automount", UnitKind::kAutomount},
    {".swap", UnitKind::kSwap},
    {".path", UnitKind::kPath},
    {".slice", UnitKind::kSlice},
    {".scope", UnitKind::kScope},
    {".device", UnitKind::kDevice},
}};

bool IsNameByte(char c) {
  return IsAlnum(c) || std::string_view(":-_.\\@").find(c) != std::string_view::npos;
}

}  // namespace

std::string_view Suffix(UnitKind kind) {
  for (const auto& [suffix, value] : kSuffixes) {
    if (value == kind) return suffix;
  }
  return "";
}

std::optional<UnitKind> KindOf(std::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '.' || name.front() == '@') {
    return std::nullopt;
  }
  for (const char c : name) {
    if (!IsNameByte(c)) return std::nullopt;
  }
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  for (const auto& [suffix, kind] : kSuffixes) {
    if (name.substr(dot) == suffix) return kind;
  }
  return std::nullopt;
}

NameParts SplitName(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view stem = name.substr(0, dot);
  NameParts parts{stem, std::nullopt,
                  dot == std::string_view::npos ? std::string_view() : name.substr(dot)};
  if (const std::size_t at = stem.find('@'); at != std::string_view::npos) {
    parts.prefix = stem.substr(0, at);
    parts.instance = stem.substr(at + 1);
  }
  return parts;
}

bool IsTemplate(std::string_view name) {
  const NameParts parts = SplitName(name);
  return parts.instance && parts.instance->empty();
}

std::string TemplateOf(std::string_view name) {
  const NameParts parts = SplitName(name);
  if (!parts.instance || parts.instance->empty()) return "";
  return fmt::format("{}@{}", parts.prefix, parts.suffix);
}

std::string Instantiate(std::string_view template_name, std::string_view instance) {
  const NameParts parts = SplitName(template_name);
  return fmt::format("{}@{}{}", parts.prefix, instance, parts.suffix);
}

std::string Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (text.starts_with("\\x") && text.size() >= 4) {
      if (const auto byte = ParseNumber<unsigned>(text.substr(2, 2), 16); byte && *byte != 0) {
        out += static_cast<char>(*byte);
        text.remove_prefix(4);
        continue;
      }
    }
    out += text.front() == '-' ? '/' : text.front();
    text.remove_prefix(1);
  }
  return out;
}

std::string EscapeName(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '/') {
      out += '-';
    } else if (IsAlnum(c) || c == ':' || c == '_' || (c == '.' && !out.empty())) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string EscapePath(std::string_view path) {
  std::string out;
  bool slash = false;
  for (const char c : path) {
    if (c == '/') {
      slash = !out.empty();
      continue;
    }
    if (slash) out += '-';
    slash = false;
    const bool plain = IsAlnum(c) || c == ':' || c == '_' || (c == '.' && !out.empty());
    if (plain) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out.empty() ? "-" : out;
}

}  // namespace inro::unit
