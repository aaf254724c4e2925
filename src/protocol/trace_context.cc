#include "protocol/trace_context.h"

namespace inro::protocol {
namespace {

constexpr std::size_t kTraceParentSize = 55;

int LowerDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

int AnyDigit(char c) { return LowerDigit(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c); }

template <int (*Digit)(char)>
std::optional<std::string> Bytes(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = Digit(text[i]);
    const int low = Digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

bool AllZero(std::string_view bytes) { return bytes.find_first_not_of('\0') == bytes.npos; }

}  // namespace

std::optional<TraceParent> ParseTraceParent(std::string_view text) {
  if (text.size() < kTraceParentSize) return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = Bytes<LowerDigit>(text.substr(0, 2));
  const auto trace = Bytes<LowerDigit>(text.substr(3, 32));
  const auto span = Bytes<LowerDigit>(text.substr(36, 16));
  const auto flags = Bytes<LowerDigit>(text.substr(53, 2));
  if (!version || !trace || !span || !flags) return std::nullopt;
  const auto number = static_cast<unsigned char>(version->front());
  if (number == 0xff || AllZero(*trace) || AllZero(*span)) return std::nullopt;
  if (text.size() > kTraceParentSize && (number == 0 || text[kTraceParentSize] != '-')) {
    return std::nullopt;
  }
  return TraceParent{*trace, *span, static_cast<std::uint8_t>(flags->front())};
}

std::string FormatTraceParent(const TraceParent& parent) {
  const char flags = static_cast<char>(parent.flags);
  return "00-" + Hex(parent.trace_id) + "-" + Hex(parent.span_id) + "-" +
         Hex(std::string_view(&flags, 1));
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::optional<std::string> FromHex(std::string_view text) { return Bytes<AnyDigit>(text); }

std::string BootTraceId(std::string_view boot_id) {
  std::string digits;
  for (const char c : boot_id) {
    if (AnyDigit(c) >= 0) digits += c;
  }
  if (digits.size() != 2 * kTraceIdSize) return {};
  const auto bytes = FromHex(digits);
  return bytes && !AllZero(*bytes) ? *bytes : std::string();
}

std::string DerivedSpanId(std::string_view trace_id, std::string_view what) {
  // FNV-1a, then a mix so that texts that differ in their last letters differ in all bits.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::string_view part : {trace_id, what}) {
    for (const char c : part) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
  }
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  if (hash == 0) hash = 1;
  std::string id;
  for (int shift = 56; shift >= 0; shift -= 8) id.push_back(static_cast<char>(hash >> shift));
  return id;
}

KeyValue Attribute(std::string_view key, std::string_view value) {
  KeyValue attribute{std::string(key), AnyValue{}};
  attribute.value->string_value = std::string(value);
  return attribute;
}

KeyValue Attribute(std::string_view key, std::int64_t value) {
  KeyValue attribute{std::string(key), AnyValue{}};
  attribute.value->int_value = value;
  return attribute;
}

const std::string* TextAttribute(const std::vector<KeyValue>& attributes, std::string_view key) {
  for (const KeyValue& attribute : attributes) {
    if (attribute.key == key && attribute.value && attribute.value->string_value) {
      return &*attribute.value->string_value;
    }
  }
  return nullptr;
}

std::int64_t NumberAttribute(const std::vector<KeyValue>& attributes, std::string_view key,
                             std::int64_t fallback) {
  for (const KeyValue& attribute : attributes) {
    if (attribute.key == key && attribute.value && attribute.value->int_value) {
      return *attribute.value->int_value;
    }
  }
  return fallback;
}

}  // namespace inro::protocol
