#include "report/trace_timeline.h"

#include <gmock/gmock.h>

#include "protocol/trace_context.h"

namespace inro::report {
namespace {

using ::testing::HasSubstr;
using Kind = TimelineBar::Kind;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kEpoch = 1'700'000'000'000'000'000;

class Spans {
 public:
  protocol::Span& Add(std::string name, std::uint64_t start_ms, std::uint64_t end_ms,
                      std::string_view key = "", std::string_view value = "") {
    protocol::Span& span = spans_.emplace_back();
    span.trace_id = std::string(16, 't');
    span.span_id = std::to_string(10'000'000 + spans_.size());
    span.parent_span_id = name == "sandbox" ? "" : "parent__";
    span.name = std::move(name);
    span.start_time_unix_nano.value = kEpoch + start_ms * kMs;
    span.end_time_unix_nano.value = kEpoch + end_ms * kMs;
    span.attributes.push_back(
        protocol::Attribute("inro.monotonic_start", static_cast<std::int64_t>(start_ms * kMs)));
    if (!key.empty()) span.attributes.push_back(protocol::Attribute(key, value));
    return span;
  }
  std::vector<protocol::ResourceSpans> Groups() const {
    std::vector<protocol::ResourceSpans> groups(1);
    groups[0].resource.emplace().attributes = {protocol::Attribute("inro.init", "inro")};
    groups[0].scope_spans.emplace_back().spans = spans_;
    return groups;
  }

 private:
  std::vector<protocol::Span> spans_;
};

Spans Boot() {
  Spans spans;
  spans.Add("kernel", 0, 100, "boot.step", "kernel");
  spans.Add("root", 100, 150, "boot.step", "root");
  spans.Add("start quick.service", 150, 170, "unit.name", "quick.service");
  spans.Add("start slow.service", 155, 400, "unit.name", "slow.service");
  spans.Add("boot", 0, 400);
  spans.Add("grpc.AgentService/CreateSandbox", 500, 520, "rpc.method", "CreateSandbox");
  spans.Add("stop slow.service", 900, 950, "unit.name", "slow.service");
  spans.Add("shutdown", 900, 1000);
  spans.Add("sandbox", 0, 1000);
  return spans;
}

TEST(Timeline, LanesPhasesAndTheCriticalPath) {
  const Timeline timeline = MakeTimeline(Boot().Groups());
  EXPECT_DOUBLE_EQ(timeline.boot_ms, 400);
  EXPECT_DOUBLE_EQ(timeline.shutdown_ms, 900);
  EXPECT_DOUBLE_EQ(timeline.end_ms, 1000);
  std::vector<std::string> path;
  for (const std::size_t index : timeline.critical) path.push_back(timeline.bars[index].name);
  EXPECT_THAT(path, testing::ElementsAre("kernel", "root", "start slow.service"));
  EXPECT_EQ(timeline.bars.front().name, "sandbox");
  const auto up = std::ranges::find(timeline.bars, Kind::kUp, &TimelineBar::kind);
  ASSERT_NE(up, timeline.bars.end());
  EXPECT_DOUBLE_EQ(up->start_ms, 400);
  EXPECT_DOUBLE_EQ(up->end_ms, 900);
}

TEST(Timeline, ASpanThatCameTwiceIsShownOnce) {
  auto groups = Boot().Groups();
  const std::size_t bars = MakeTimeline(groups).bars.size();
  groups.push_back(groups.front());
  EXPECT_EQ(MakeTimeline(groups).bars.size(), bars);
}

TEST(Timeline, ThePageEscapesWhatGuestsSay) {
  Spans spans = Boot();
  spans.Add("<script>alert(1)</script>", 10, 20);
  const std::string page = TimelinePage(MakeTimeline(spans.Groups()), "a<b>");
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert"));
  EXPECT_THAT(page, HasSubstr("inro trace: a&lt;b&gt;"));
  EXPECT_THAT(page, HasSubstr("Critical path of the boot"));
  EXPECT_THAT(page, HasSubstr("data-view=\"0,432.000\""));
}

TEST(Timeline, NothingIsAPageToo) {
  EXPECT_THAT(TimelinePage(MakeTimeline({}), "x"), HasSubstr("The end was not seen"));
}

}  // namespace
}  // namespace inro::report
