#include "compare/trace_check.h"

#include <gmock/gmock.h>

namespace inro::compare {
namespace {

using ::testing::HasSubstr;

const protocol::TraceParent kCaller{"0123456789abcdef", "callcall", 1};

protocol::Span Make(std::string name, std::string id, std::string parent) {
  protocol::Span span;
  span.trace_id = "boot-boot-boot-b";
  span.name = std::move(name);
  span.span_id = std::move(id);
  span.parent_span_id = std::move(parent);
  return span;
}

std::vector<protocol::Span> Complete() {
  std::vector<protocol::Span> spans;
  for (const char* step : {"kernel", "root", "overlay"}) {
    spans.push_back(Make(step, std::string("s") + step, "boot"));
    spans.back().attributes = {protocol::Attribute("boot.step", step)};
  }
  spans.push_back(Make("start kata-agent.service", "agent", "boot"));
  spans.push_back(Make("boot", "boot", "root"));
  spans.push_back(Make("grpc.AgentService/GetGuestDetails", "call", kCaller.span_id));
  spans.back().trace_id = kCaller.trace_id;
  spans.push_back(Make("stop kata-agent.service", "stop", "down"));
  spans.push_back(Make("sandbox", "root", ""));
  return spans;
}

protocol::Finding Judge(std::vector<protocol::Span> spans) {
  std::vector<protocol::ResourceSpans> groups(1);
  groups[0].scope_spans.emplace_back().spans = std::move(spans);
  return JudgeTrace(groups, kCaller);
}

TEST(TraceCheck, AllOfItIsYes) {
  const auto finding = Judge(Complete());
  EXPECT_TRUE(finding.yes) << finding.evidence;
  EXPECT_THAT(finding.evidence, HasSubstr("3 steps and 1 unit starts"));
}

TEST(TraceCheck, EachPartIsNeeded) {
  EXPECT_FALSE(Judge({}).yes);
  for (std::size_t i = 0; i < Complete().size(); ++i) {
    auto spans = Complete();
    spans.erase(spans.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(Judge(spans).yes) << Complete()[i].name;
  }
  auto swapped = Complete();
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  EXPECT_THAT(Judge(swapped).evidence, HasSubstr("the root span as the last"));
}

}  // namespace
}  // namespace inro::compare
