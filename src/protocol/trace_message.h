// The messages of proto/trace.proto (OTLP traces) as plain structs; see message.h. A span of any
// origin is a Span here: the guest's own, a collector's client's, one of Kata's agent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/agent_api.h"
#include "protocol/message.h"

namespace inro::protocol {

// What the guest posts to at host CID 2, port kTracePort.
inline constexpr std::string_view kTracePath = "/v1/traces";
// Where programs of the guest hand in finished spans: a datagram socket for root, one encoded Span
// a datagram, whose times are CLOCK_MONOTONIC and which has no trace id where it belongs to the
// boot's own trace.
inline constexpr std::string_view kTraceSocket = "/run/inro/trace.sock";
inline constexpr std::size_t kTraceDatagramLimit = 8192;

struct AnyValue {
  static constexpr std::string_view kName = "inro.trace.v1.AnyValue";
  // At most one is present.
  std::optional<std::string> string_value;
  std::optional<bool> bool_value;
  std::optional<std::int64_t> int_value;
  std::optional<Fixed64> double_value;      // the bits
  std::optional<std::string> array_value;   // encoded: nothing here recurses over foreign bytes
  std::optional<std::string> kvlist_value;  // encoded
  std::optional<std::string> bytes_value;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "string_value", &AnyValue::string_value);
    visit(2, "bool_value", &AnyValue::bool_value);
    visit(3, "int_value", &AnyValue::int_value);
    visit(4, "double_value", &AnyValue::double_value);
    visit(5, "array_value", &AnyValue::array_value);
    visit(6, "kvlist_value", &AnyValue::kvlist_value);
    visit(7, "bytes_value", &AnyValue::bytes_value);
  }
};

struct KeyValue {
  static constexpr std::string_view kName = "inro.trace.v1.KeyValue";
  std::string key;
  std::optional<AnyValue> value;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "key", &KeyValue::key);
    visit(2, "value", &KeyValue::value);
  }
};

struct SpanEvent {
  static constexpr std::string_view kName = "inro.trace.v1.Event";
  Fixed64 time_unix_nano;
  std::string name;
  std::vector<KeyValue> attributes;
  std::uint32_t dropped_attributes_count = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "time_unix_nano", &SpanEvent::time_unix_nano);
    visit(2, "name", &SpanEvent::name);
    visit(3, "attributes", &SpanEvent::attributes);
    visit(4, "dropped_attributes_count", &SpanEvent::dropped_attributes_count);
  }
};

struct SpanLink {
  static constexpr std::string_view kName = "inro.trace.v1.Link";
  std::string trace_id;
  std::string span_id;
  std::string trace_state;
  std::vector<KeyValue> attributes;
  std::uint32_t dropped_attributes_count = 0;
  Fixed32 flags;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "trace_id", &SpanLink::trace_id);
    visit(2, "span_id", &SpanLink::span_id);
    visit(3, "trace_state", &SpanLink::trace_state);
    visit(4, "attributes", &SpanLink::attributes);
    visit(5, "dropped_attributes_count", &SpanLink::dropped_attributes_count);
    visit(6, "flags", &SpanLink::flags);
  }
};

enum class StatusCode : std::int32_t { kUnset = 0, kOk = 1, kError = 2 };

struct SpanStatus {
  static constexpr std::string_view kName = "inro.trace.v1.Status";
  std::string message;
  StatusCode code = StatusCode::kUnset;

  template <class V>
  static void Fields(V&& visit) {
    visit(2, "message", &SpanStatus::message);
    visit(3, "code", &SpanStatus::code);
  }
};

enum class SpanKind : std::int32_t {
  kUnspecified = 0,
  kInternal = 1,
  kServer = 2,
  kClient = 3,
  kProducer = 4,
  kConsumer = 5,
};

struct Span {
  static constexpr std::string_view kName = "inro.trace.v1.Span";
  std::string trace_id;  // 16 bytes
  std::string span_id;   // 8 bytes
  std::string trace_state;
  std::string parent_span_id;  // empty: a root
  std::string name;
  SpanKind kind = SpanKind::kUnspecified;
  Fixed64 start_time_unix_nano;
  Fixed64 end_time_unix_nano;
  std::vector<KeyValue> attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::vector<SpanEvent> events;
  std::uint32_t dropped_events_count = 0;
  std::vector<SpanLink> links;
  std::uint32_t dropped_links_count = 0;
  std::optional<SpanStatus> status;
  Fixed32 flags;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "trace_id", &Span::trace_id);
    visit(2, "span_id", &Span::span_id);
    visit(3, "trace_state", &Span::trace_state);
    visit(4, "parent_span_id", &Span::parent_span_id);
    visit(5, "name", &Span::name);
    visit(6, "kind", &Span::kind);
    visit(7, "start_time_unix_nano", &Span::start_time_unix_nano);
    visit(8, "end_time_unix_nano", &Span::end_time_unix_nano);
    visit(9, "attributes", &Span::attributes);
    visit(10, "dropped_attributes_count", &Span::dropped_attributes_count);
    visit(11, "events", &Span::events);
    visit(12, "dropped_events_count", &Span::dropped_events_count);
    visit(13, "links", &Span::links);
    visit(14, "dropped_links_count", &Span::dropped_links_count);
    visit(15, "status", &Span::status);
    visit(16, "flags", &Span::flags);
  }
};

struct TraceScope {
  static constexpr std::string_view kName = "inro.trace.v1.InstrumentationScope";
  std::string name;
  std::string version;
  std::vector<KeyValue> attributes;
  std::uint32_t dropped_attributes_count = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "name", &TraceScope::name);
    visit(2, "version", &TraceScope::version);
    visit(3, "attributes", &TraceScope::attributes);
    visit(4, "dropped_attributes_count", &TraceScope::dropped_attributes_count);
  }
};

struct ScopeSpans {
  static constexpr std::string_view kName = "inro.trace.v1.ScopeSpans";
  std::optional<TraceScope> scope;
  std::vector<Span> spans;
  std::string schema_url;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "scope", &ScopeSpans::scope);
    visit(2, "spans", &ScopeSpans::spans);
    visit(3, "schema_url", &ScopeSpans::schema_url);
  }
};

struct TraceResource {
  static constexpr std::string_view kName = "inro.trace.v1.Resource";
  std::vector<KeyValue> attributes;
  std::uint32_t dropped_attributes_count = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "attributes", &TraceResource::attributes);
    visit(2, "dropped_attributes_count", &TraceResource::dropped_attributes_count);
  }
};

struct ResourceSpans {
  static constexpr std::string_view kName = "inro.trace.v1.ResourceSpans";
  std::optional<TraceResource> resource;
  std::vector<ScopeSpans> scope_spans;
  std::string schema_url;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "resource", &ResourceSpans::resource);
    visit(2, "scope_spans", &ResourceSpans::scope_spans);
    visit(3, "schema_url", &ResourceSpans::schema_url);
  }
};

struct ExportTraceRequest {
  static constexpr std::string_view kName = "inro.trace.v1.ExportTraceServiceRequest";
  std::vector<ResourceSpans> resource_spans;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "resource_spans", &ExportTraceRequest::resource_spans);
  }
};

}  // namespace inro::protocol
