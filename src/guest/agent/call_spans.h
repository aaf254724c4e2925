// A span for each call of the agent's API, handed to role `trace` (agent.trace).
//
// A caller that sends W3C's "traceparent" in the call's metadata gets the span in its own trace, as
// a child of its span; other calls belong to the boot's trace.
#pragma once

#include "protocol/span_sender.h"
#include "protocol/trace_message.h"
#include "wire/loop.h"
#include "wire/server.h"

namespace inro::guest::agent {

// The span of a call; `id`: 8 bytes.
protocol::Span SpanOf(const wire::FinishedCall& call, std::string id);

class CallSpans {
 public:
  explicit CallSpans(wire::Loop& loop) : loop_(loop) {}
  CallSpans(const CallSpans&) = delete;
  CallSpans& operator=(const CallSpans&) = delete;
  ~CallSpans();

  // Never blocks. What role `trace` does not take yet is tried again, at growing intervals.
  void Record(const wire::FinishedCall& call);

 private:
  void Again();

  wire::Loop& loop_;
  protocol::SpanSender sender_;
  wire::Loop::Token timer_ = 0;
  std::chrono::milliseconds pause_{0};
};

}  // namespace inro::guest::agent
