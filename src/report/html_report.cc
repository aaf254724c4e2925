#include "report/html_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "compare/feature.h"
#include "report/measure_row.h"
#include "report/svg_chart.h"

namespace inro::report {
namespace {

using compare::Comparison;

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark;
  --page: #ffffff; --ink: #1d2430; --soft: #5b6676; --line: #dde2ea; --yes: #1a7f4b; --no: #b3372f;
  --c0: #2f6fb2; --c1: #2b9a8f; --c2: #c8892b; --c3: #8a5fb0; --c4: #b0536a; --unit: #9db4cf; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14181f; --ink: #e4e9f1; --soft: #9aa6b8; --line: #2d3542; --yes: #54c98a; --no: #f0847b;
  --c0: #6aa5e0; --c1: #57c4b8; --c2: #e0ae5c; --c3: #b795d8; --c4: #d98aa0; --unit: #48607c; } }
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
p.note, figcaption { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } td.then { color: var(--soft); }
td.yes b { color: var(--yes); } td.no b { color: var(--no); }
td small { display: block; color: var(--soft); max-width: 26rem; overflow-wrap: anywhere; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .tick, svg .unitname { fill: var(--soft); font-size: 10px; }
svg .lane { font-weight: 600; } svg .grid { stroke: var(--line); }
svg .bar0, svg .phase0 { fill: var(--c0); } svg .bar1, svg .phase1 { fill: var(--c1); }
svg .bar2, svg .phase2 { fill: var(--c2); } svg .bar3, svg .phase3 { fill: var(--c3); }
svg .bar4, svg .phase4 { fill: var(--c4); } svg .unit { fill: var(--unit); }
)css";

std::string FeatureTable(const Comparison& comparison) {
  std::string html =
      "<div class=\"scroll\"><table>\n<tr><th>feature</th><th>image 2019</th>"
      "<th>initrd 2019</th>";
  for (const auto& guest : comparison.guests) {
    html += fmt::format("<th>{}</th>", Escaped(GuestTitle(guest)));
  }
  html += "</tr>\n";
  for (const auto& feature : compare::Features()) {
    html += fmt::format("<tr><td>{}</td><td class=\"then\">{}</td><td class=\"then\">{}</td>",
                        Escaped(feature.title), feature.image_then, feature.initrd_then);
    for (const auto& guest : comparison.guests) {
      const auto cell = std::ranges::find(guest.cells, feature.id, &compare::Cell::feature);
      if (cell == guest.cells.end()) {
        html += "<td>not probed</td>";
        continue;
      }
      html += fmt::format("<td class=\"{0}\"><b>{0}</b><small>{1}</small></td>",
                          cell->yes ? "yes" : "no", Escaped(cell->evidence));
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string MeasureTable(const Comparison& comparison) {
  std::string html = "<div class=\"scroll\"><table>\n<tr><th>measure</th>";
  for (const auto& guest : comparison.guests) {
    html += fmt::format("<th>{}</th>", Escaped(GuestTitle(guest)));
  }
  html += "</tr>\n";
  for (const auto& row : MeasureRows()) {
    html += fmt::format("<tr><td>{}</td>", Escaped(row.label));
    for (const auto& guest : comparison.guests) {
      html += fmt::format("<td class=\"number\">{}</td>", Escaped(row.text(guest)));
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string Charts(const Comparison& comparison) {
  std::string html;
  for (const auto& row : MeasureRows()) {
    if (!row.chart) continue;
    std::vector<Bar> bars;
    for (const auto& guest : comparison.guests) {
      bars.push_back({GuestTitle(guest), row.value(guest), row.text(guest)});
    }
    if (row.id == "ready_ms") {
      const auto& floor = comparison.floor_ready_ms;
      bars.push_back(
          {"floor", floor.Median(), fmt::format("{} (n={})", Grouped(floor.Median()), floor.n())});
    }
    html += BarChart(row.label, bars);
  }
  return html;
}

}  // namespace

std::string HtmlReport(const Comparison& comparison) {
  const auto& floor = comparison.floor_ready_ms;
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>inro compare: {0}</title>\n<style>{1}</style></head>\n<body>\n"
      "<h1>inro compare: {0}</h1>\n"
      "<p class=\"note\">Each yes was seen by a probe inside a guest booted in this run; the small "
      "print says what it saw. {2}. Readiness polled every {3:.0f} ms.</p>\n"
      "<h2>Features</h2>\n{4}"
      "<h2>Measures</h2>\n<p class=\"note\">Medians of interleaved boots; floor: {5} ms (n={6}), "
      "the "
      "same kernel and machine with an initrd that holds only a static PID 1 answering the same "
      "check.</p>\n{7}"
      "<h2>Charts</h2>\n{8}"
      "<h2>Boot timeline</h2>\n<p class=\"note\">Milliseconds since QEMU was executed, from the "
      "probed boot. Hover for names and times.</p>\n{9}</body></html>\n",
      Escaped(comparison.name), kStyle, Escaped(comparison.machine), comparison.poll_interval_ms,
      FeatureTable(comparison), Grouped(floor.Median()), floor.n(), MeasureTable(comparison),
      Charts(comparison), BootTimeline(comparison.guests));
}

}  // namespace inro::report
