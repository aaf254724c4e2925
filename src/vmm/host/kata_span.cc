#include "vmm/host/kata_span.h"

#include <bit>
#include <nlohmann/json.hpp>

#include "protocol/trace_context.h"

namespace inro::vmm {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestExactNumber = 18;  // digits that fit into 64 bits whatever they are
constexpr int kMostDepth = 64;

// A JSON library has no numbers of 128 bits: long ones are made strings first.
std::string QuoteLongNumbers(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      if (c == '"') in_string = false;
      continue;
    }
    if (c < '0' || c > '9') {
      in_string = c == '"';
      out += c;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    const bool whole =
        end == text.size() || (text[end] != '.' && text[end] != 'e' && text[end] != 'E');
    const bool positive =
        i == 0 || (text[i - 1] != '-' && text[i - 1] != '.' && text[i - 1] != '+');
    const bool quote = end - i > kLongestExactNumber && whole && positive;
    if (quote) out += '"';
    out += text.substr(i, end - i);
    if (quote) out += '"';
    i = end - 1;
  }
  return out;
}

// A decimal number as big-endian bytes; empty when it does not fit.
std::string DecimalBytes(std::string_view digits, std::size_t size) {
  std::string bytes(size, '\0');
  for (const char digit : digits) {
    unsigned carry = static_cast<unsigned>(digit - '0');
    for (std::size_t i = size; i > 0; --i) {
      carry += static_cast<unsigned char>(bytes[i - 1]) * 10u;
      bytes[i - 1] = static_cast<char>(carry & 0xff);
      carry >>= 8;
    }
    if (carry != 0) return {};
  }
  return bytes;
}

const json& Member(const json& value, const char* name) {
  static const json kNull;
  if (!value.is_object()) return kNull;
  const auto found = value.find(name);
  return found == value.end() ? kNull : *found;
}

// `size` bytes of an id, or none when it is absent or zero.
std::string Id(const json& value, std::size_t size) {
  std::string bytes;
  if (value.is_number_unsigned()) {
    bytes = DecimalBytes(std::to_string(value.get<std::uint64_t>()), size);
  } else if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    const bool decimal = text.find_first_not_of("0123456789") == std::string::npos;
    if (text.size() == 2 * size) bytes = protocol::FromHex(text).value_or("");
    if (bytes.empty() && decimal) bytes = DecimalBytes(text, size);
  }
  return bytes.find_first_not_of('\0') == std::string::npos ? std::string() : bytes;
}

std::uint64_t Time(const json& value) {
  const json& seconds = Member(value, "secs_since_epoch");
  const json& rest = Member(value, "nanos_since_epoch");
  if (!seconds.is_number_unsigned() || !rest.is_number_unsigned()) return 0;
  return seconds.get<std::uint64_t>() * 1'000'000'000 + rest.get<std::uint64_t>();
}

protocol::AnyValue Value(const json& tagged) {
  // {"String": "x"}, {"I64": 1}, {"Bool": true}, {"F64": 0.5}; else its JSON as text.
  protocol::AnyValue value;
  const json& inner = tagged.is_object() && tagged.size() == 1 ? tagged.begin().value() : tagged;
  if (inner.is_string()) {
    value.string_value = inner.get<std::string>();
  } else if (inner.is_boolean()) {
    value.bool_value = inner.get<bool>();
  } else if (inner.is_number_integer()) {
    value.int_value = inner.get<std::int64_t>();
  } else if (inner.is_number_float()) {
    value.double_value = protocol::Fixed64{std::bit_cast<std::uint64_t>(inner.get<double>())};
  } else {
    value.string_value = inner.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return value;
}

void TakeAttributes(const json& value, std::vector<protocol::KeyValue>& attributes) {
  const json& map = Member(value, "map").is_object() ? Member(value, "map") : value;
  if (map.is_object()) {
    for (const auto& [key, tagged] : map.items()) attributes.push_back({key, Value(tagged)});
  } else if (map.is_array()) {
    for (const json& pair : map) {
      if (!Member(pair, "key").is_string()) continue;
      attributes.push_back({Member(pair, "key").get<std::string>(), Value(Member(pair, "value"))});
    }
  }
}

protocol::SpanKind Kind(const json& value) {
  constexpr std::pair<std::string_view, protocol::SpanKind> kKinds[] = {
      {"Internal", protocol::SpanKind::kInternal}, {"Server", protocol::SpanKind::kServer},
      {"Client", protocol::SpanKind::kClient},     {"Producer", protocol::SpanKind::kProducer},
      {"Consumer", protocol::SpanKind::kConsumer},
  };
  for (const auto& [name, kind] : kKinds) {
    if (value.is_string() && value.get_ref<const std::string&>() == name) return kind;
  }
  return protocol::SpanKind::kUnspecified;
}

}  // namespace

std::uint64_t KataFrameLength(std::string_view header) {
  std::uint64_t length = 0;
  for (const char byte : header.substr(0, kKataHeaderSize)) {
    length = length << 8 | static_cast<unsigned char>(byte);
  }
  return length;
}

Result<protocol::ExportTraceRequest> ParseKataSpan(std::string_view text) {
  bool too_deep = false;
  const auto check = [&](int level, json::parse_event_t, json&) {
    too_deep = too_deep || level > kMostDepth;
    return !too_deep;
  };
  const json document = json::parse(QuoteLongNumbers(text), check, false);
  if (document.is_discarded() || too_deep || !document.is_object()) {
    return FailAs(ErrorKind::kBadInput, "not a JSON object");
  }
  protocol::Span span;
  const json& context = Member(document, "span_context");
  span.trace_id = Id(Member(context, "trace_id"), protocol::kTraceIdSize);
  span.span_id = Id(Member(context, "span_id"), protocol::kSpanIdSize);
  if (span.trace_id.empty() || span.span_id.empty() || !Member(document, "name").is_string()) {
    return FailAs(ErrorKind::kBadInput, "a span without trace_id, span_id and name");
  }
  span.parent_span_id = Id(Member(document, "parent_span_id"), protocol::kSpanIdSize);
  span.name = Member(document, "name").get<std::string>();
  span.kind = Kind(Member(document, "span_kind"));
  span.start_time_unix_nano.value = Time(Member(document, "start_time"));
  span.end_time_unix_nano.value = Time(Member(document, "end_time"));
  TakeAttributes(Member(document, "attributes"), span.attributes);
  const json& code = Member(document, "status_code");
  if (code.is_string() && code.get_ref<const std::string&>() != "Unset") {
    const bool ok = code.get_ref<const std::string&>() == "Ok";
    span.status.emplace().code = ok ? protocol::StatusCode::kOk : protocol::StatusCode::kError;
    const json& message = Member(document, "status_message");
    if (message.is_string()) span.status->message = message.get<std::string>();
  }
  protocol::ExportTraceRequest request;
  protocol::ResourceSpans& group = request.resource_spans.emplace_back();
  group.resource.emplace().attributes = {protocol::Attribute("service.name", "kata-agent")};
  group.scope_spans.emplace_back().spans.push_back(std::move(span));
  return request;
}

}  // namespace inro::vmm
