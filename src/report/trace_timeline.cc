#include "report/trace_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/stable_sort.h"
#include "protocol/trace_context.h"

namespace inro::report {
namespace {

using Kind = TimelineBar::Kind;
using protocol::Span;

constexpr std::string_view kMonotonicStart = "inro.monotonic_start";
// Spans that ended this close to each other count as ending together.
constexpr double kTogetherMs = 2;
constexpr double kShortestMs = 0.05;
constexpr std::size_t kMostBars = 4000;

struct Placed {
  const Span* span = nullptr;
  const std::string* service = nullptr;
  double start_ms = 0;
  double end_ms = 0;
};

double Milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

std::string ValueText(const protocol::AnyValue& value) {
  if (value.string_value) return *value.string_value;
  if (value.int_value) return std::to_string(*value.int_value);
  if (value.bool_value) return *value.bool_value ? "true" : "false";
  return "...";
}

TimelineBar MakeBar(const Placed& placed) {
  const Span& span = *placed.span;
  TimelineBar bar;
  bar.name = span.name;
  bar.start_ms = placed.start_ms;
  bar.end_ms = placed.end_ms;
  bar.error = span.status && span.status->code == protocol::StatusCode::kError;
  const std::string* unit = protocol::TextAttribute(span.attributes, "unit.name");
  const std::string* method = protocol::TextAttribute(span.attributes, "rpc.method");
  if (unit != nullptr) {
    bar.kind = span.name.starts_with("stop ") ? Kind::kStop : Kind::kStart;
    bar.lane = *unit;
  } else if (method != nullptr) {
    bar.kind = Kind::kCall;
    bar.lane = *method;
  } else if (protocol::TextAttribute(span.attributes, "boot.step") != nullptr) {
    bar.kind = Kind::kStep;
    bar.lane = span.name;
  } else if (span.name == "sandbox" && span.parent_span_id.empty()) {
    bar.kind = Kind::kSandbox;
    bar.lane = "sandbox";
  } else if (span.name == "boot" || span.name == "shutdown") {
    bar.kind = Kind::kPhase;
    bar.lane = "phases";
  } else {
    bar.lane = span.name;
    if (placed.service != nullptr) bar.details.push_back("service: " + *placed.service);
  }
  if (bar.error) bar.details.push_back("failed: " + span.status->message);
  for (const protocol::KeyValue& attribute : span.attributes) {
    if (attribute.key == kMonotonicStart || !attribute.value) continue;
    bar.details.push_back(attribute.key + ": " + ValueText(*attribute.value));
  }
  if (!span.parent_span_id.empty() && !span.links.empty()) {
    bar.details.push_back("caller: " + protocol::Hex(span.parent_span_id));
  }
  return bar;
}

// Of several spans with one id the last is the one that counts.
std::vector<Placed> Place(const std::vector<protocol::ResourceSpans>& groups) {
  std::map<std::string, Placed> by_id;
  std::uint64_t first_unix = ~std::uint64_t{0};
  bool monotonic = false;
  for (const auto& group : groups) {
    const std::string* service =
        group.resource ? protocol::TextAttribute(group.resource->attributes, "service.name")
                       : nullptr;
    for (const auto& scope : group.scope_spans) {
      for (const Span& span : scope.spans) {
        by_id[span.trace_id + span.span_id] = {&span, service, 0, 0};
        first_unix = std::min(first_unix, span.start_time_unix_nano.value);
        monotonic =
            monotonic || protocol::NumberAttribute(span.attributes, kMonotonicStart, -1) >= 0;
      }
    }
  }
  // Of those without: where the guest's first span has both clocks, they are set beside it.
  std::int64_t offset = static_cast<std::int64_t>(first_unix);
  for (const auto& [id, placed] : by_id) {
    const std::int64_t start =
        protocol::NumberAttribute(placed.span->attributes, kMonotonicStart, -1);
    if (monotonic && start >= 0) {
      offset = static_cast<std::int64_t>(placed.span->start_time_unix_nano.value) - start;
    }
  }
  std::vector<Placed> all;
  for (auto& [id, placed] : by_id) {
    const Span& span = *placed.span;
    const std::uint64_t begin = span.start_time_unix_nano.value;
    const std::uint64_t length = std::max(begin, span.end_time_unix_nano.value) - begin;
    const std::int64_t fallback = static_cast<std::int64_t>(begin) - offset;
    const std::int64_t start =
        protocol::NumberAttribute(span.attributes, kMonotonicStart, fallback);
    placed.start_ms = static_cast<double>(start) / 1e6;
    placed.end_ms = placed.start_ms + Milliseconds(length);
    all.push_back(placed);
  }
  StableSort(all, {}, &Placed::start_ms);
  return all;
}

// Between a unit's start and its stop, or the end, it was up.
void AddUpBars(Timeline& timeline) {
  std::map<std::string, double> up_since;
  std::vector<TimelineBar> ups;
  const auto add = [&](const std::string& lane, double from, double to) {
    TimelineBar bar;
    bar.kind = Kind::kUp;
    bar.name = lane + " is up";
    bar.lane = lane;
    bar.start_ms = from;
    bar.end_ms = to;
    if (to > from) ups.push_back(std::move(bar));
  };
  for (const TimelineBar& bar : timeline.bars) {
    if (bar.kind == Kind::kStart && !bar.error) up_since[bar.lane] = bar.end_ms;
    if (bar.kind != Kind::kStop) continue;
    if (const auto up = up_since.find(bar.lane); up != up_since.end()) {
      add(bar.lane, up->second, bar.start_ms);
      up_since.erase(up);
    }
  }
  // Without a stop it may have been a oneshot: only what the picture can know is drawn.
  timeline.bars.insert(timeline.bars.end(), ups.begin(), ups.end());
}

int Section(Kind kind) {
  switch (kind) {
    case Kind::kSandbox:
      return 0;
    case Kind::kPhase:
      return 1;
    case Kind::kStep:
      return 2;
    case Kind::kStart:
    case Kind::kUp:
    case Kind::kStop:
      return 3;
    case Kind::kCall:
      return 4;
    case Kind::kOther:
      return 5;
  }
  return 5;
}

void Sort(std::vector<TimelineBar>& bars) {
  std::map<std::string, double> first;  // of each lane, in its section
  const auto key = [](const TimelineBar& bar) {
    return fmt::format("{}{}", Section(bar.kind), bar.lane);
  };
  for (const TimelineBar& bar : bars) {
    const auto [at, fresh] = first.try_emplace(key(bar), bar.start_ms);
    if (!fresh) at->second = std::min(at->second, bar.start_ms);
  }
  StableSort(bars, [&](const TimelineBar& a, const TimelineBar& b) {
    const std::string a_key = key(a);
    const std::string b_key = key(b);
    const auto rank = [&](const TimelineBar& bar, const std::string& lane) {
      return std::tuple(Section(bar.kind), first.at(lane), lane, bar.start_ms);
    };
    return rank(a, a_key) < rank(b, b_key);
  });
}

void FindCriticalPath(Timeline& timeline) {
  double until = timeline.boot_ms;
  while (until > kShortestMs) {
    std::size_t best = timeline.bars.size();
    double latest = -1;
    const auto fits = [&](const TimelineBar& bar) {
      return (bar.kind == Kind::kStep || bar.kind == Kind::kStart) &&
             bar.end_ms <= until + kShortestMs && bar.end_ms - bar.start_ms > kShortestMs &&
             bar.start_ms < until - kShortestMs && !bar.critical;
    };
    for (const TimelineBar& bar : timeline.bars) {
      if (fits(bar)) latest = std::max(latest, bar.end_ms);
    }
    double longest = 0;
    for (std::size_t i = 0; i < timeline.bars.size(); ++i) {
      const TimelineBar& bar = timeline.bars[i];
      if (!fits(bar) || bar.end_ms < latest - kTogetherMs) continue;
      if (bar.end_ms - bar.start_ms <= longest) continue;
      longest = bar.end_ms - bar.start_ms;
      best = i;
    }
    if (best == timeline.bars.size()) break;
    timeline.bars[best].critical = true;
    timeline.critical.push_back(best);
    until = timeline.bars[best].start_ms;
  }
  std::ranges::reverse(timeline.critical);
}

}  // namespace

Timeline MakeTimeline(const std::vector<protocol::ResourceSpans>& spans) {
  Timeline timeline;
  for (const auto& group : spans) {
    if (!group.resource) continue;
    const auto* init = protocol::TextAttribute(group.resource->attributes, "inro.init");
    if (init != nullptr) timeline.guest = fmt::format("init = {}", *init);
  }
  for (const Placed& placed : Place(spans)) {
    if (timeline.bars.size() >= kMostBars) break;
    timeline.bars.push_back(MakeBar(placed));
    timeline.end_ms = std::max(timeline.end_ms, placed.end_ms);
  }
  AddUpBars(timeline);
  Sort(timeline.bars);
  for (const TimelineBar& bar : timeline.bars) {
    if (bar.kind != Kind::kPhase) continue;
    (bar.name == "boot" ? timeline.boot_ms : timeline.shutdown_ms) =
        bar.name == "boot" ? bar.end_ms : bar.start_ms;
  }
  FindCriticalPath(timeline);
  return timeline;
}

}  // namespace inro::report
