#include "guest/agent/call_spans.h"

#include <sys/random.h>

#include <algorithm>

#include "protocol/trace_context.h"

namespace inro::guest::agent {
namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{2000};

std::uint64_t Nanoseconds(wire::Loop::Clock::time_point time) {
  // The steady clock of this C++ library is CLOCK_MONOTONIC.
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::string RandomId() {
  std::string id(protocol::kSpanIdSize, '\1');
  (void)!::getrandom(id.data(), id.size(), GRND_NONBLOCK);
  return id;
}

}  // namespace

protocol::Span SpanOf(const wire::FinishedCall& call, std::string id) {
  protocol::Span span;
  span.span_id = std::move(id);
  span.name = call.service + "/" + call.method;
  span.kind = protocol::SpanKind::kServer;
  span.start_time_unix_nano.value = Nanoseconds(call.start);
  span.end_time_unix_nano.value = Nanoseconds(call.end);
  for (const auto& [key, value] : call.metadata) {
    if (key == "tracestate") span.trace_state = value;
    if (key != "traceparent") continue;
    if (const auto parent = protocol::ParseTraceParent(value)) {
      span.trace_id = parent->trace_id;
      span.parent_span_id = parent->span_id;
      span.flags.value = parent->flags;
    }
  }
  if (span.trace_id.empty()) span.trace_state.clear();
  span.attributes = {
      protocol::Attribute("rpc.system", "ttrpc"), protocol::Attribute("rpc.service", call.service),
      protocol::Attribute("rpc.method", call.method),
      protocol::Attribute("rpc.grpc.status_code", static_cast<std::int64_t>(call.status.code))};
  if (!call.status.ok()) {
    span.status = protocol::SpanStatus{
        wire::CodeName(call.status.code) + ": " + call.status.message.substr(0, 1024),
        protocol::StatusCode::kError};
  }
  return span;
}

CallSpans::~CallSpans() {
  loop_.Cancel(timer_);
  sender_.Flush();
}

void CallSpans::Record(const wire::FinishedCall& call) {
  sender_.Send(SpanOf(call, RandomId()));
  if (timer_ == 0) pause_ = {};
  Again();
}

void CallSpans::Again() {
  if (timer_ != 0 || sender_.kept() == 0) return;
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  timer_ = loop_.At(wire::Loop::Clock::now() + pause_, [this] {
    timer_ = 0;
    sender_.Flush();
    Again();
  });
}

}  // namespace inro::guest::agent
