#include "report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/measure_row.h"

namespace inro::report {
namespace {

constexpr int kWidth = 760;
constexpr int kLabelWidth = 190;
constexpr int kRowHeight = 26;
constexpr std::size_t kMaxSpans = 24;  // the longest units of a guest; a picture, not a log

std::string Text(double x, double y, std::string_view css_class, std::string_view text,
                 std::string_view anchor = "start") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n",
                     x, y, css_class, anchor, Escaped(text));
}

std::string Rect(double x, double y, double width, double height, std::string_view css_class,
                 std::string_view title) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"2\" class=\"{}\">"
      "<title>{}</title></rect>\n",
      x, y, std::max(width, 1.0), height, css_class, Escaped(title));
}

// A step of 1, 2 or 5 times a power of ten that divides `span` into at most ten parts.
double TickStep(double span) {
  const double power = std::pow(10, std::floor(std::log10(std::max(span, 1.0) / 10)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (span / (power * factor) <= 10) return power * factor;
  }
  return power * 10;
}

struct Axis {
  double end_ms;
  double X(double ms) const {
    return kLabelWidth + std::clamp(ms / end_ms, 0.0, 1.0) * (kWidth - kLabelWidth - 20);
  }
};

double LastMoment(const std::vector<compare::GuestResult>& guests) {
  double last = 1;
  for (const auto& guest : guests) {
    for (const auto& event : guest.events) last = std::max(last, event.at_ms);
    for (const auto& span : guest.spans) last = std::max(last, span.end_ms);
  }
  return last * 1.03;
}

std::vector<compare::TimelineSpan> LongestInOrder(std::vector<compare::TimelineSpan> spans) {
  std::ranges::sort(spans, std::greater(),
                    [](const auto& span) { return span.end_ms - span.start_ms; });
  if (spans.size() > kMaxSpans) spans.resize(kMaxSpans);
  std::ranges::sort(spans, {}, &compare::TimelineSpan::start_ms);
  return spans;
}

// Phases between consecutive events as coloured segments of one lane.
std::string Lane(const compare::GuestResult& guest, const Axis& axis, double y) {
  std::string svg = Text(0, y + 16, "lane", GuestTitle(guest));
  double from = 0;
  int index = 0;
  for (const auto& event : guest.events) {
    const double x = axis.X(from);
    svg += Rect(x, y + 3, axis.X(event.at_ms) - x, 18, fmt::format("phase{}", index++ % 5),
                fmt::format("{}: {} ms (+{} ms)", event.name, Grouped(event.at_ms),
                            Grouped(event.at_ms - from)));
    from = event.at_ms;
  }
  return svg;
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string BarChart(std::string_view title, const std::vector<Bar>& bars) {
  double largest = 0;
  for (const Bar& bar : bars) largest = std::max(largest, std::isnan(bar.value) ? 0 : bar.value);
  const int height = kRowHeight * static_cast<int>(bars.size()) + 4;
  std::string svg = fmt::format(
      "<figure><figcaption>{}</figcaption>\n<svg viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-label=\"{}\">\n",
      Escaped(title), kWidth, height, Escaped(title));
  double y = 2;
  int index = 0;
  for (const Bar& bar : bars) {
    const double value = std::isnan(bar.value) ? 0 : std::max(bar.value, 0.0);
    const double width = largest > 0 ? value / largest * (kWidth - kLabelWidth - 190) : 0;
    svg += Text(0, y + 17, "label", bar.label);
    svg += Rect(kLabelWidth, y + 3, width, kRowHeight - 8, fmt::format("bar{}", index++ % 5),
                bar.label + ": " + bar.text);
    svg += Text(kLabelWidth + width + 8, y + 17, "value", bar.text);
    y += kRowHeight;
  }
  return svg + "</svg></figure>\n";
}

std::string BootTimeline(const std::vector<compare::GuestResult>& guests) {
  const Axis axis{LastMoment(guests)};
  std::string body;
  double y = 24;
  for (const auto& guest : guests) {
    if (guest.events.empty()) continue;
    body += Lane(guest, axis, y);
    y += 28;
    for (const auto& span : LongestInOrder(guest.spans)) {
      const double x = axis.X(span.start_ms);
      const double end = axis.X(span.end_ms);
      body += Rect(
          x, y + 2, end - x, 9, "unit",
          fmt::format("{}: {} to {} ms", span.name, Grouped(span.start_ms), Grouped(span.end_ms)));
      // The name goes where there is room: after the bar, or before it near the right edge.
      const bool right = end < kWidth - 200;
      body += Text(right ? end + 4 : x - 4, y + 10, "unitname", span.name, right ? "start" : "end");
      y += 14;
    }
    y += 12;
  }
  std::string grid;
  const double step = TickStep(axis.end_ms);
  for (double at = 0; at <= axis.end_ms; at += step) {
    grid += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"18\" y2=\"{1:.1f}\" class=\"grid\"/>\n",
        axis.X(at), y);
    grid += Text(axis.X(at), 12, "tick", Grouped(at) + " ms", "middle");
  }
  return fmt::format(
      "<svg viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"boot timeline\">\n{}{}</svg>\n",
      kWidth, y, grid, body);
}

}  // namespace inro::report
