// A guest's life as a picture: boot, calls and shutdown on one axis, a lane a unit, in the manner
// of `systemd-analyze plot`. One HTML page that needs nothing else: inline SVG, a small inline
// script for zoom and hover, light and dark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/trace_message.h"

namespace inro::report {

// One bar. Times are milliseconds since the guest's kernel began (of spans without the guest's
// monotonic clock: since the first span).
struct TimelineBar {
  enum class Kind { kSandbox, kPhase, kStep, kStart, kUp, kStop, kCall, kOther };
  Kind kind = Kind::kOther;
  std::string name;
  std::string lane;
  double start_ms = 0;
  double end_ms = 0;
  bool error = false;
  bool critical = false;
  std::vector<std::string> details;  // "key: value"
};

struct Timeline {
  std::string guest;              // what the resource says of it: host name, init
  std::vector<TimelineBar> bars;  // sorted by lane of first appearance, then by start
  double end_ms = 0;
  double boot_ms = 0;      // end of the span "boot"; 0: there is none
  double shutdown_ms = 0;  // start of the span "shutdown"; 0: there is none
  std::vector<std::size_t>
      critical;  // indices in bars, from the first on: what the boot waited for
};

// Duplicates (a span that came twice) are shown once, the last one. The critical path is found
// backwards from the end of the boot: what ended last before it, then what ended last before that
// began, and so on.
Timeline MakeTimeline(const std::vector<protocol::ResourceSpans>& spans);

std::string TimelinePage(const Timeline& timeline, std::string_view title);

}  // namespace inro::report
