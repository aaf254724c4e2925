#include "guest/trace/span_intake.h"

#include "protocol/trace_context.h"

namespace inro::guest::trace {

using protocol::Span;

std::optional<std::string> TakeDatagram(std::string_view bytes, std::string_view trace_id,
                                        std::string_view root_id) {
  Span span;
  if (!protocol::Decode(bytes, span) || span.span_id.size() != protocol::kSpanIdSize ||
      span.name.empty()) {
    return std::nullopt;
  }
  if (span.trace_id.empty()) {
    span.trace_id = trace_id;
    if (span.parent_span_id.empty()) span.parent_span_id = root_id;
  } else if (span.trace_id.size() != protocol::kTraceIdSize) {
    return std::nullopt;
  }
  if (span.trace_id != trace_id) {
    protocol::SpanLink& link = span.links.emplace_back();
    link.trace_id = trace_id;
    link.span_id = root_id;
  }
  return protocol::Encode(span);
}

std::string MakeRequest(const std::vector<std::string>& spans,
                        const protocol::TraceResource& resource, std::int64_t clock_offset) {
  protocol::ExportTraceRequest request;
  protocol::ResourceSpans& group = request.resource_spans.emplace_back();
  group.resource = resource;
  protocol::ScopeSpans& scope = group.scope_spans.emplace_back();
  scope.scope.emplace().name = "inro";
  scope.scope->version = INRO_VERSION;
  scope.spans.reserve(spans.size());
  const auto shift = [&](protocol::Fixed64& time) {
    time.value += static_cast<std::uint64_t>(clock_offset);
  };
  for (const std::string& bytes : spans) {
    Span& span = scope.spans.emplace_back();
    if (!protocol::Decode(bytes, span)) {
      scope.spans.pop_back();
      continue;
    }
    span.attributes.push_back(protocol::Attribute(
        kMonotonicStart, static_cast<std::int64_t>(span.start_time_unix_nano.value)));
    shift(span.start_time_unix_nano);
    shift(span.end_time_unix_nano);
    for (protocol::SpanEvent& event : span.events) shift(event.time_unix_nano);
  }
  return protocol::Encode(request);
}

}  // namespace inro::guest::trace
