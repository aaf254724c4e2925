// The row "tracing", tried from the host: it receives the spans of the probed boot, from the
// kernel's start to the end of the guest.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "protocol/control_message.h"
#include "protocol/trace_context.h"
#include "vmm/guest/guest.h"
#include "vmm/host/trace_receiver.h"
#include "vmm/host/trace_sinks.h"

namespace inro::compare {

// The word of the kernel's command line that asks for spans.
inline constexpr std::string_view kTraceWord = "agent.trace";

// What must be among the spans, in the order of their arrival: steps of the boot, the start of the
// agent's unit, a call whose parent is `caller`, the stop of a unit and, last of all, the root.
protocol::Finding JudgeTrace(const std::vector<protocol::ResourceSpans>& spans,
                             const protocol::TraceParent& caller);

class TraceCheck {
 public:
  // Listens for the guest; right after its start, so that nothing is missed.
  static Result<std::unique_ptr<TraceCheck>> Start(const vmm::Guest& guest);

  // Calls the agent with a traceparent of its own.
  Result<> Call(const vmm::Guest& guest) const;
  // When the guest has ended.
  protocol::Finding Finish();

 private:
  TraceCheck() = default;

  protocol::TraceParent caller_;
  vmm::TraceMemorySink memory_;
  std::unique_ptr<vmm::TraceReceiver> receiver_;
};

}  // namespace inro::compare
