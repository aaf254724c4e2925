#include "vmm/host/trace_json.h"

#include <bit>
#include <nlohmann/json.hpp>

#include "protocol/trace_context.h"
#include "wire/protobuf.h"

namespace inro::vmm {
namespace {

using nlohmann::ordered_json;
using protocol::AnyValue;
using protocol::KeyValue;
using protocol::Span;

constexpr int kMostDepth = 16;

ordered_json Value(const AnyValue& value, int depth);

// A list of values or pairs: the elements are field 1 of an encoded message.
template <class Make>
ordered_json List(std::string_view bytes, Make make) {
  ordered_json list = ordered_json::array();
  wire::WireReader reader(bytes);
  for (wire::WireField field; reader.Next(field);) {
    if (field.field == 1 && field.type == wire::WireType::kLength)
      list.push_back(make(field.bytes));
  }
  return list;
}

ordered_json Pair(const KeyValue& pair, int depth) {
  ordered_json json = {{"key", pair.key}};
  json["value"] = pair.value ? Value(*pair.value, depth) : ordered_json::object();
  return json;
}

ordered_json Value(const AnyValue& value, int depth) {
  ordered_json json = ordered_json::object();
  if (value.string_value) json["stringValue"] = *value.string_value;
  if (value.bool_value) json["boolValue"] = *value.bool_value;
  if (value.int_value) json["intValue"] = std::to_string(*value.int_value);
  if (value.double_value) json["doubleValue"] = std::bit_cast<double>(value.double_value->value);
  // Shown, not meant to be read back: JSON has no bytes.
  if (value.bytes_value) json["stringValue"] = protocol::Hex(*value.bytes_value);
  if (depth >= kMostDepth) return json;
  if (value.array_value) {
    json["arrayValue"]["values"] = List(*value.array_value, [&](std::string_view bytes) {
      AnyValue element;
      protocol::Decode(bytes, element);
      return Value(element, depth + 1);
    });
  }
  if (value.kvlist_value) {
    json["kvlistValue"]["values"] = List(*value.kvlist_value, [&](std::string_view bytes) {
      KeyValue element;
      protocol::Decode(bytes, element);
      return Pair(element, depth + 1);
    });
  }
  return json;
}

ordered_json Attributes(const std::vector<KeyValue>& attributes) {
  ordered_json list = ordered_json::array();
  for (const KeyValue& attribute : attributes) list.push_back(Pair(attribute, 0));
  return list;
}

void PutIfSet(ordered_json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}
void PutIfSet(ordered_json& json, const char* name, std::uint32_t value) {
  if (value != 0) json[name] = value;
}

ordered_json SpanJson(const Span& span) {
  ordered_json json = {{"traceId", protocol::Hex(span.trace_id)},
                       {"spanId", protocol::Hex(span.span_id)}};
  PutIfSet(json, "traceState", span.trace_state);
  PutIfSet(json, "parentSpanId", protocol::Hex(span.parent_span_id));
  json["name"] = span.name;
  json["kind"] = static_cast<int>(span.kind);
  json["startTimeUnixNano"] = std::to_string(span.start_time_unix_nano.value);
  json["endTimeUnixNano"] = std::to_string(span.end_time_unix_nano.value);
  json["attributes"] = Attributes(span.attributes);
  PutIfSet(json, "droppedAttributesCount", span.dropped_attributes_count);
  for (const protocol::SpanEvent& event : span.events) {
    json["events"].push_back({{"timeUnixNano", std::to_string(event.time_unix_nano.value)},
                              {"name", event.name},
                              {"attributes", Attributes(event.attributes)}});
  }
  PutIfSet(json, "droppedEventsCount", span.dropped_events_count);
  for (const protocol::SpanLink& link : span.links) {
    json["links"].push_back({{"traceId", protocol::Hex(link.trace_id)},
                             {"spanId", protocol::Hex(link.span_id)},
                             {"attributes", Attributes(link.attributes)}});
  }
  PutIfSet(json, "droppedLinksCount", span.dropped_links_count);
  json["status"] = ordered_json::object();
  if (span.status) {
    PutIfSet(json["status"], "message", span.status->message);
    PutIfSet(json["status"], "code", static_cast<std::uint32_t>(span.status->code));
  }
  PutIfSet(json, "flags", span.flags.value);
  return json;
}

// Reading: what has a wrong type is as if it were absent.
const ordered_json& Member(const ordered_json& json, const char* name) {
  static const ordered_json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(name);
  return found == json.end() ? kNull : *found;
}
std::string Text(const ordered_json& json) {
  return json.is_string() ? json.get<std::string>() : std::string();
}
// 64-bit numbers come as strings or as numbers.
std::uint64_t Number(const ordered_json& json) {
  if (json.is_number_unsigned()) return json.get<std::uint64_t>();
  if (json.is_number_integer()) return static_cast<std::uint64_t>(json.get<std::int64_t>());
  if (!json.is_string()) return 0;
  const auto& text = json.get_ref<const std::string&>();
  if (text.starts_with('-'))
    return static_cast<std::uint64_t>(std::strtoll(text.c_str(), nullptr, 10));
  return std::strtoull(text.c_str(), nullptr, 10);
}
std::uint32_t Count(const ordered_json& json) { return static_cast<std::uint32_t>(Number(json)); }
std::string Id(const ordered_json& json) { return protocol::FromHex(Text(json)).value_or(""); }

template <class Take>
void Each(const ordered_json& list, Take take) {
  if (!list.is_array()) return;
  for (const ordered_json& element : list) take(element);
}

AnyValue ReadValue(const ordered_json& json, int depth);

KeyValue ReadPair(const ordered_json& json, int depth) {
  return {Text(Member(json, "key")), ReadValue(Member(json, "value"), depth)};
}

AnyValue ReadValue(const ordered_json& json, int depth) {
  AnyValue value;
  if (const auto& text = Member(json, "stringValue"); text.is_string())
    value.string_value = Text(text);
  if (const auto& flag = Member(json, "boolValue"); flag.is_boolean()) {
    value.bool_value = flag.get<bool>();
  }
  if (const auto& number = Member(json, "intValue"); !number.is_null()) {
    value.int_value = static_cast<std::int64_t>(Number(number));
  }
  if (const auto& number = Member(json, "doubleValue"); number.is_number()) {
    value.double_value = protocol::Fixed64{std::bit_cast<std::uint64_t>(number.get<double>())};
  }
  if (depth >= kMostDepth) return value;
  if (const auto& array = Member(json, "arrayValue"); array.is_object()) {
    wire::WireWriter writer(value.array_value.emplace());
    Each(Member(array, "values"), [&](const ordered_json& element) {
      writer.Bytes(1, protocol::Encode(ReadValue(element, depth + 1)));
    });
  }
  if (const auto& list = Member(json, "kvlistValue"); list.is_object()) {
    wire::WireWriter writer(value.kvlist_value.emplace());
    Each(Member(list, "values"), [&](const ordered_json& element) {
      writer.Bytes(1, protocol::Encode(ReadPair(element, depth + 1)));
    });
  }
  return value;
}

std::vector<KeyValue> ReadAttributes(const ordered_json& json) {
  std::vector<KeyValue> attributes;
  Each(Member(json, "attributes"),
       [&](const ordered_json& element) { attributes.push_back(ReadPair(element, 0)); });
  return attributes;
}

Span ReadSpan(const ordered_json& json) {
  Span span;
  span.trace_id = Id(Member(json, "traceId"));
  span.span_id = Id(Member(json, "spanId"));
  span.trace_state = Text(Member(json, "traceState"));
  span.parent_span_id = Id(Member(json, "parentSpanId"));
  span.name = Text(Member(json, "name"));
  span.kind = static_cast<protocol::SpanKind>(Count(Member(json, "kind")));
  span.start_time_unix_nano.value = Number(Member(json, "startTimeUnixNano"));
  span.end_time_unix_nano.value = Number(Member(json, "endTimeUnixNano"));
  span.attributes = ReadAttributes(json);
  span.dropped_attributes_count = Count(Member(json, "droppedAttributesCount"));
  Each(Member(json, "events"), [&](const ordered_json& element) {
    protocol::SpanEvent& event = span.events.emplace_back();
    event.time_unix_nano.value = Number(Member(element, "timeUnixNano"));
    event.name = Text(Member(element, "name"));
    event.attributes = ReadAttributes(element);
  });
  Each(Member(json, "links"), [&](const ordered_json& element) {
    protocol::SpanLink& link = span.links.emplace_back();
    link.trace_id = Id(Member(element, "traceId"));
    link.span_id = Id(Member(element, "spanId"));
    link.attributes = ReadAttributes(element);
  });
  if (const auto& status = Member(json, "status"); status.is_object() && !status.empty()) {
    span.status =
        protocol::SpanStatus{Text(Member(status, "message")),
                             static_cast<protocol::StatusCode>(Count(Member(status, "code")))};
  }
  span.flags.value = Count(Member(json, "flags"));
  return span;
}

}  // namespace

std::string TraceJson(const protocol::ExportTraceRequest& request) {
  ordered_json document = {{"resourceSpans", ordered_json::array()}};
  for (const protocol::ResourceSpans& group : request.resource_spans) {
    ordered_json json = ordered_json::object();
    json["resource"]["attributes"] =
        Attributes(group.resource ? group.resource->attributes : std::vector<KeyValue>());
    json["scopeSpans"] = ordered_json::array();
    for (const protocol::ScopeSpans& scope : group.scope_spans) {
      ordered_json spans = {{"scope", ordered_json::object()}, {"spans", ordered_json::array()}};
      if (scope.scope) {
        PutIfSet(spans["scope"], "name", scope.scope->name);
        PutIfSet(spans["scope"], "version", scope.scope->version);
      }
      for (const Span& span : scope.spans) spans["spans"].push_back(SpanJson(span));
      json["scopeSpans"].push_back(std::move(spans));
    }
    document["resourceSpans"].push_back(std::move(json));
  }
  // Bytes of a guest need not be UTF-8.
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<protocol::ExportTraceRequest> ParseTraceJson(std::string_view text) {
  // The parser keeps its own stack, but what it builds is torn down recursively.
  bool too_deep = false;
  const auto check = [&](int level, ordered_json::parse_event_t, ordered_json&) {
    if (level > 64) too_deep = true;
    return !too_deep;
  };
  const ordered_json document = ordered_json::parse(text, check, false);
  if (document.is_discarded() || too_deep || !document.is_object()) {
    return FailAs(ErrorKind::kBadInput, "not a JSON object");
  }
  protocol::ExportTraceRequest request;
  Each(Member(document, "resourceSpans"), [&](const ordered_json& element) {
    protocol::ResourceSpans& group = request.resource_spans.emplace_back();
    group.resource.emplace().attributes = ReadAttributes(Member(element, "resource"));
    Each(Member(element, "scopeSpans"), [&](const ordered_json& spans) {
      protocol::ScopeSpans& scope = group.scope_spans.emplace_back();
      scope.scope.emplace().name = Text(Member(Member(spans, "scope"), "name"));
      scope.scope->version = Text(Member(Member(spans, "scope"), "version"));
      Each(Member(spans, "spans"),
           [&](const ordered_json& span) { scope.spans.push_back(ReadSpan(span)); });
    });
  });
  return request;
}

}  // namespace inro::vmm
