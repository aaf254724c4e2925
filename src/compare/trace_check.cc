#include "compare/trace_check.h"

#include <sys/random.h>

#include "protocol/agent_api.h"
#include "vmm/host/guest_address.h"
#include "wire/client.h"

namespace inro::compare {
namespace {

using protocol::Span;

constexpr std::chrono::milliseconds kCallLimit{20'000};

double Milliseconds(const Span& span) {
  return static_cast<double>(span.end_time_unix_nano.value - span.start_time_unix_nano.value) / 1e6;
}

std::string Random(std::size_t size) {
  std::string bytes(size, '\1');
  (void)!::getrandom(bytes.data(), bytes.size(), 0);
  bytes.front() = static_cast<char>(bytes.front() | 1);
  return bytes;
}

}  // namespace

protocol::Finding JudgeTrace(const std::vector<protocol::ResourceSpans>& spans,
                             const protocol::TraceParent& caller) {
  protocol::Finding finding{"tracing", false, ""};
  std::vector<const Span*> all;
  for (const auto& group : spans) {
    for (const auto& scope : group.scope_spans) {
      for (const Span& span : scope.spans) all.push_back(&span);
    }
  }
  if (all.empty()) {
    finding.evidence = "no span came";
    return finding;
  }
  const Span& last = *all.back();
  const Span* boot = nullptr;
  const Span* agent = nullptr;
  const Span* call = nullptr;
  const Span* stop = nullptr;
  for (const Span* span : all) {
    if (span->name == "boot" && span->parent_span_id == last.span_id) boot = span;
    if (span->name == "start kata-agent.service") agent = span;
    if (span->trace_id == caller.trace_id && span->parent_span_id == caller.span_id) call = span;
    if (span->name == "stop kata-agent.service") stop = span;
  }
  std::size_t steps = 0;
  std::size_t units = 0;
  for (const Span* span : all) {
    const bool step = protocol::TextAttribute(span->attributes, "boot.step") != nullptr;
    if (step && boot != nullptr && span->parent_span_id == boot->span_id) ++steps;
    if (span->name.starts_with("start ")) ++units;
  }
  std::string missing;
  const auto need = [&](bool there, std::string_view what) {
    if (!there) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", what);
  };
  need(last.name == "sandbox" && last.parent_span_id.empty(), "the root span as the last");
  need(boot != nullptr, "the span of the boot");
  need(steps >= 3, "steps of the boot");
  need(agent != nullptr, "the start of the agent's unit");
  need(call != nullptr, "the call with the traceparent that was sent");
  need(stop != nullptr, "the stop of the agent's unit");
  finding.yes = missing.empty();
  if (!finding.yes) {
    finding.evidence = fmt::format("of {} spans these are missing: {}", all.size(), missing);
    return finding;
  }
  finding.evidence = fmt::format(
      "{} spans over vsock {}: boot {:.0f} ms with {} steps and {} unit starts ({} {:.0f} ms), {} "
      "is a "
      "child of the caller's span {}, {}, and last the root \"{}\" of {:.1f} s",
      all.size(), protocol::kTracePort, Milliseconds(*boot), steps, units, agent->name,
      Milliseconds(*agent), call->name, protocol::Hex(caller.span_id), stop->name, last.name,
      Milliseconds(last) / 1000);
  return finding;
}

Result<std::unique_ptr<TraceCheck>> TraceCheck::Start(const vmm::Guest& guest) {
  std::unique_ptr<TraceCheck> check(new TraceCheck());
  check->caller_ = {Random(protocol::kTraceIdSize), Random(protocol::kSpanIdSize), 1};
  vmm::GuestAddress address;
  if (guest.machine().vsock == vmm::VsockMode::kKernel) {
    address.kind = vmm::GuestAddress::Kind::kCid;
    address.cid = guest.machine().guest_cid;
  } else {
    address.socket = guest.paths().hybrid_socket();
  }
  INRO_ASSIGN(UniqueFd listener, vmm::ListenForGuest(address, protocol::kTracePort));
  INRO_ASSIGN(check->receiver_, vmm::TraceReceiver::Start(
                                    std::move(listener), check->memory_, [address](int waiting) {
                                      return vmm::AcceptFromGuest(address, waiting);
                                    }));
  return check;
}

Result<> TraceCheck::Call(const vmm::Guest& guest) const {
  INRO_ASSIGN(UniqueFd socket, guest.Connect(protocol::kAgentPort, kCallLimit));
  wire::Client agent(std::move(socket));
  const auto deadline = wire::Client::Clock::now() + kCallLimit;
  const wire::Request request{.service = std::string(protocol::kAgentService),
                              .method = "GetGuestDetails",
                              .payload = {},
                              .timeout_nano = 0,
                              .metadata = {{"traceparent", FormatTraceParent(caller_)}}};
  INRO_ASSIGN(const auto stream, agent.Start(request, deadline));
  INRO_TRY(agent.Finish(stream, deadline));
  return {};
}

protocol::Finding TraceCheck::Finish() {
  receiver_->Stop();
  return JudgeTrace(memory_.Spans(), caller_);
}

}  // namespace inro::compare
