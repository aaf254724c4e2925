// The page of a timeline: SVG that stands by itself, and a script that makes it move.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "report/svg_chart.h"
#include "report/trace_timeline.h"

namespace inro::report {
namespace {

using Kind = TimelineBar::Kind;

constexpr double kWidth = 1200;
constexpr double kLeft = 232;  // lane names
constexpr double kRight = 84;  // durations beside the last bars
constexpr double kRow = 20;
constexpr double kBar = 12;
constexpr double kTop = 26;          // the axis
constexpr double kShownMs = 0.0005;  // a moment has no length to show

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark;
  --page: #ffffff; --ink: #1d2430; --soft: #5b6676; --line: #e3e7ee; --band: #f6f8fb; --bad: #b3372f;
  --sandbox: #c5cedb; --phase: #2b9a8f; --step: #8a5fb0; --start: #2f6fb2; --up: #d5e3f3;
  --stop: #c8892b; --call: #b0536a; --other: #6b7a8d; --crit: #d8432e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14181f; --ink: #e4e9f1; --soft: #9aa6b8; --line: #2a313d; --band: #191e27; --bad: #f0847b;
  --sandbox: #3a4453; --phase: #57c4b8; --step: #b795d8; --start: #6aa5e0; --up: #25364a;
  --stop: #e0ae5c; --call: #d98aa0; --other: #8593a6; --crit: #ff6a55; } }
body { margin: 1.6rem auto; max-width: 84rem; padding: 0 1.2rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p.note { color: var(--soft); margin: .2rem 0 .8rem; }
.bar-row { display: flex; flex-wrap: wrap; gap: .4rem 1.1rem; align-items: center; margin: .6rem 0; }
.key { color: var(--soft); font-size: .85rem; } .key i { display: inline-block; width: .8rem; height: .8rem;
  border-radius: 3px; margin-right: .35rem; vertical-align: -.1rem; }
button { font: inherit; font-size: .85rem; color: var(--ink); background: var(--band); cursor: pointer;
  border: 1px solid var(--line); border-radius: 6px; padding: .15rem .7rem; }
button:hover { border-color: var(--soft); }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; user-select: none; display: block; }
svg text { fill: var(--ink); } svg .tick, svg .time { fill: var(--soft); font-size: 10px; }
svg .section { font-weight: 600; fill: var(--soft); font-size: 10px; letter-spacing: .06em; }
svg .band { fill: var(--band); } svg .grid { stroke: var(--line); }
svg rect.b { rx: 2.5; } svg rect.b:hover { filter: brightness(1.15); }
svg .sandbox { fill: var(--sandbox); } svg .phase { fill: var(--phase); } svg .step { fill: var(--step); }
svg .start { fill: var(--start); } svg .up { fill: var(--up); } svg .stop { fill: var(--stop); }
svg .call { fill: var(--call); } svg .other { fill: var(--other); }
svg .error { fill: var(--bad); } svg .crit { stroke: var(--crit); stroke-width: 2; }
svg text.critname { fill: var(--crit); font-weight: 600; }
svg .select { fill: var(--start); opacity: .18; }
#tip { position: fixed; pointer-events: none; display: none; background: var(--page); color: var(--ink);
  border: 1px solid var(--line); border-radius: 8px; padding: .45rem .7rem; font-size: .82rem;
  box-shadow: 0 4px 18px rgb(0 0 0 / .22); max-width: 30rem; white-space: pre-line; overflow-wrap: anywhere; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .22rem 1.2rem .22rem 0;
  border-bottom: 1px solid var(--line); } th { font-weight: 600; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } td.wait { color: var(--soft); }
)css";

// Redraws bars, labels and axis for the visible range [a, b]; the numbers come from data
// attributes.
constexpr std::string_view kScript = R"js(
(() => {
  const svg = document.getElementById('chart'), L = +svg.dataset.left, W = +svg.dataset.plot;
  const H = +svg.dataset.height, END = +svg.dataset.end, NS = 'http://www.w3.org/2000/svg';
  const bars = [...svg.querySelectorAll('rect.b')], tip = document.getElementById('tip');
  let [a, b] = svg.dataset.view.split(',').map(Number);
  const X = ms => L + (ms - a) / (b - a) * W;
  const text = ms => ms >= 10000 ? (ms / 1000).toFixed(1) + ' s' : ms >= 100 ? ms.toFixed(0) + ' ms'
    : ms >= 1 ? ms.toFixed(1) + ' ms' : (ms * 1000).toFixed(0) + ' \u00b5s';
  for (const r of bars) {
    const t = r.querySelector('title');
    r.tip = t.textContent; t.remove();
    r.label = svg.querySelector('text[data-of="' + r.id + '"]');
  }
  const solid = bars.filter(r => !r.classList.contains('up'));
  solid.forEach((r, i) => {
    const n = solid[i + 1];
    r.next = n && n.getAttribute('y') === r.getAttribute('y') ? n : null;
  });
  function draw() {
    for (const r of bars) {
      const s = +r.dataset.s, e = +r.dataset.e, x0 = Math.max(X(s), L), x1 = Math.min(X(e), L + W);
      const out = s > b || e < a;
      r.style.display = out ? 'none' : '';
      if (r.label) {
        const n = r.next ? X(+r.next.dataset.s) : Infinity;  // no label under the next bar
        r.label.style.display = out || X(e) > L + W || n < X(e) + 46 ? 'none' : '';
      }
      if (out) continue;
      r.setAttribute('x', x0); r.setAttribute('width', Math.max(1.5, x1 - x0));
      if (r.label) r.label.setAttribute('x', Math.max(x1, x0 + 1.5) + 4);
    }
    const axis = document.getElementById('axis');
    axis.replaceChildren();
    const raw = (b - a) / 8, p = 10 ** Math.floor(Math.log10(raw));
    const step = p * (raw / p > 5 ? 10 : raw / p > 2 ? 5 : raw / p > 1 ? 2 : 1);
    for (let t = Math.ceil(a / step) * step; t <= b + step * 1e-6; t += step) {
      const line = document.createElementNS(NS, 'line'), label = document.createElementNS(NS, 'text');
      for (const [k, v] of Object.entries({x1: X(t), x2: X(t), y1: 18, y2: H, class: 'grid'})) line.setAttribute(k, v);
      for (const [k, v] of Object.entries({x: X(t), y: 12, class: 'tick', 'text-anchor': 'middle'})) label.setAttribute(k, v);
      label.textContent = step < 1 ? t.toFixed(2) + ' ms' : b > 10000 ? (t / 1000).toFixed(step < 1000 ? 1 : 0) + ' s' : Math.round(t) + ' ms';
      axis.append(line, label);
    }
  }
  function view(from, to) {
    const least = 0.2, span = Math.max(least, Math.min(to - from, END));
    a = Math.max(0, Math.min(from, END - span)); b = a + span; draw();
  }
  const at = ev => { const r = svg.getBoundingClientRect();
    return a + ((ev.clientX - r.left) / r.width * svg.viewBox.baseVal.width - L) / W * (b - a); };
  svg.addEventListener('wheel', ev => {
    if (!(ev.ctrlKey || ev.metaKey || ev.shiftKey)) return;
    ev.preventDefault();
    const m = at(ev), f = (ev.deltaY || ev.deltaX) > 0 ? 1.25 : 0.8;
    view(m - (m - a) * f, m + (b - m) * f);
  }, {passive: false});
  let from = null; const sel = document.getElementById('select');
  svg.addEventListener('pointerdown', ev => { from = at(ev); });
  addEventListener('pointermove', ev => {
    if (from === null) return;
    const to = at(ev), x0 = Math.max(L, X(Math.min(from, to))), x1 = Math.min(L + W, X(Math.max(from, to)));
    sel.setAttribute('x', x0); sel.setAttribute('width', Math.max(0, x1 - x0)); sel.style.display = '';
  });
  addEventListener('pointerup', ev => {
    if (from === null) return;
    const to = at(ev), [lo, hi] = [Math.min(from, to), Math.max(from, to)];
    from = null; sel.style.display = 'none';
    if ((hi - lo) / (b - a) > 0.01) view(Math.max(0, lo), Math.min(END, hi));
  });
  svg.addEventListener('dblclick', () => view(0, END));
  for (const button of document.querySelectorAll('button[data-view]')) {
    button.onclick = () => view(...button.dataset.view.split(',').map(Number));
  }
  svg.addEventListener('mousemove', ev => {
    const r = ev.target.closest('rect.b');
    tip.style.display = r ? 'block' : 'none';
    if (!r) return;
    tip.textContent = r.tip;
    tip.style.left = Math.min(ev.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
    tip.style.top = Math.min(ev.clientY + 14, innerHeight - tip.offsetHeight - 8) + 'px';
  });
  svg.addEventListener('mouseleave', () => tip.style.display = 'none');
  for (const row of document.querySelectorAll('tr[data-range]')) {
    row.style.cursor = 'pointer';
    row.onclick = () => { const [s, e] = row.dataset.range.split(',').map(Number), m = Math.max(1, (e - s) / 2); view(s - m, e + m); };
  }
  draw();
})();
)js";

std::string_view ClassOf(Kind kind) {
  switch (kind) {
    case Kind::kSandbox:
      return "sandbox";
    case Kind::kPhase:
      return "phase";
    case Kind::kStep:
      return "step";
    case Kind::kStart:
      return "start";
    case Kind::kUp:
      return "up";
    case Kind::kStop:
      return "stop";
    case Kind::kCall:
      return "call";
    case Kind::kOther:
      return "other";
  }
  return "other";
}

std::string_view SectionOf(Kind kind) {
  switch (kind) {
    case Kind::kSandbox:
    case Kind::kPhase:
      return "LIFE";
    case Kind::kStep:
      return "BOOT STEPS";
    case Kind::kStart:
    case Kind::kUp:
    case Kind::kStop:
      return "UNITS";
    case Kind::kCall:
      return "CALLS";
    case Kind::kOther:
      return "OTHER SPANS";
  }
  return "";
}

std::string Duration(double ms) {
  if (ms >= 10'000) return fmt::format("{:.1f} s", ms / 1000);
  if (ms >= 100) return fmt::format("{:.0f} ms", ms);
  if (ms >= 1) return fmt::format("{:.1f} ms", ms);
  return fmt::format("{:.0f} \u00b5s", ms * 1000);
}

std::string Tip(const TimelineBar& bar) {
  std::string tip = fmt::format("{}\n{} from {:.1f} ms to {:.1f} ms", bar.name,
                                Duration(bar.end_ms - bar.start_ms), bar.start_ms, bar.end_ms);
  if (bar.critical) tip += "\non the critical path of the boot";
  for (const std::string& detail : bar.details) tip += "\n" + detail;
  return tip;
}

struct View {
  double from = 0;
  double to = 1;
  double X(double ms) const {
    return kLeft + (ms - from) / (to - from) * (kWidth - kLeft - kRight);
  }
};

class Drawing {
 public:
  explicit Drawing(View view) : view_(view) {}

  void Lane(const std::string& name, Kind kind, bool critical) {
    if (SectionOf(kind) != section_) {
      section_ = SectionOf(kind);
      y_ += section_ == "LIFE" ? 4 : 14;
      svg_ +=
          fmt::format("<text class=\"section\" x=\"4\" y=\"{:.0f}\">{}</text>\n", y_ + 8, section_);
      y_ += 14;
      odd_ = false;
    }
    odd_ = !odd_;
    if (odd_) {
      svg_ +=
          fmt::format("<rect class=\"band\" x=\"0\" y=\"{:.0f}\" width=\"{}\" height=\"{}\"/>\n",
                      y_, kWidth, kRow);
    }
    // Long names lose their middle: front and kind of a unit both matter.
    std::string shown = name;
    constexpr std::size_t kMost = 36;
    if (shown.size() > kMost) shown = name.substr(0, 22) + "\u2026" + name.substr(name.size() - 13);
    svg_ += fmt::format("<text{} x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                        critical ? " class=\"critname\"" : "", kLeft - 10, y_ + kRow / 2 + 4,
                        Escaped(shown));
    row_ = y_;
    y_ += kRow;
  }

  void Bar(const TimelineBar& bar, bool labelled) {
    const double x = std::clamp(view_.X(bar.start_ms), kLeft, kWidth - kRight);
    const double end = std::clamp(view_.X(bar.end_ms), x, kWidth - kRight);
    const int id = next_id_++;
    svg_ += fmt::format(
        "<rect class=\"b {}{}{}\" id=\"b{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{}\" "
        "data-s=\"{:.3f}\" data-e=\"{:.3f}\"><title>{}</title></rect>\n",
        ClassOf(bar.kind), bar.error ? " error" : "", bar.critical ? " crit" : "", id, x,
        row_ + (kRow - kBar) / 2, std::max(1.5, end - x), kBar, bar.start_ms, bar.end_ms,
        Escaped(Tip(bar)));
    if (!labelled) return;
    svg_ += fmt::format(
        "<text class=\"time\" data-of=\"b{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", id,
        std::max(end, x + 1.5) + 4, row_ + kRow / 2 + 4, Duration(bar.end_ms - bar.start_ms));
  }

  double height() const { return y_ + 8; }
  const std::string& svg() const { return svg_; }

 private:
  const View view_;
  std::string svg_;
  std::string_view section_;
  double y_ = kTop;
  double row_ = 0;
  bool odd_ = false;
  int next_id_ = 0;
};

std::string Chart(const Timeline& timeline, View view) {
  Drawing drawing(view);
  const auto& bars = timeline.bars;
  for (std::size_t i = 0; i < bars.size();) {
    std::size_t end = i;
    while (end < bars.size() && bars[end].lane == bars[i].lane &&
           SectionOf(bars[end].kind) == SectionOf(bars[i].kind)) {
      ++end;
    }
    const auto lane = std::span(bars).subspan(i, end - i);
    drawing.Lane(bars[i].lane, bars[i].kind, std::ranges::any_of(lane, &TimelineBar::critical));
    for (std::size_t k = i; k < end; ++k) {
      // What is up lies behind; its length says little. Of many calls of one kind the last is
      // named.
      const bool labelled = bars[k].kind != Kind::kUp &&
                            bars[k].end_ms - bars[k].start_ms > kShownMs &&
                            (lane.size() <= 3 || k + 1 == end);
      drawing.Bar(bars[k], labelled);
    }
    i = end;
  }
  return fmt::format(
      "<svg id=\"chart\" viewBox=\"0 0 {0} {1:.0f}\" data-left=\"{2}\" data-plot=\"{3}\" "
      "data-height=\"{1:.0f}\" data-end=\"{4:.3f}\" data-view=\"{5:.3f},{6:.3f}\" role=\"img\" "
      "aria-label=\"timeline\">\n<g id=\"bands\"></g><g id=\"axis\"></g>\n{7}"
      "<rect id=\"select\" class=\"select\" y=\"18\" height=\"{1:.0f}\" "
      "style=\"display:none\"/></svg>\n",
      kWidth, drawing.height(), kLeft, kWidth - kLeft - kRight, timeline.end_ms * 1.01, view.from,
      view.to, drawing.svg());
}

std::string CriticalTable(const Timeline& timeline) {
  if (timeline.critical.empty()) return "";
  std::string html = fmt::format(
      "<h2>Critical path of the boot</h2>\n<p class=\"note\">Back from {}: what ended last before "
      "the "
      "next one began. Waiting is time in which none of these ran. Click a row to look at it.</p>\n"
      "<table><tr><th>what</th><th>began</th><th>took</th><th>waited before</th></tr>\n",
      Duration(timeline.boot_ms));
  double before = 0;
  for (const std::size_t index : timeline.critical) {
    const TimelineBar& bar = timeline.bars[index];
    html += fmt::format(
        "<tr data-range=\"{:.3f},{:.3f}\"><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>"
        "<td class=\"n wait\">{}</td></tr>\n",
        bar.start_ms, bar.end_ms, Escaped(bar.name),
        bar.start_ms > 0 ? Duration(bar.start_ms) : "0", Duration(bar.end_ms - bar.start_ms),
        bar.start_ms - before > 0.05 ? Duration(bar.start_ms - before) : "");
    before = bar.end_ms;
  }
  return html + "</table>\n";
}

std::string Key() {
  constexpr std::pair<std::string_view, std::string_view> kKeys[] = {
      {"phase", "phase"},   {"step", "boot step"},  {"start", "unit starts"},
      {"up", "unit is up"}, {"stop", "unit stops"}, {"call", "call of the agent"},
      {"bad", "failed"},
  };
  std::string html;
  for (const auto& [variable, text] : kKeys) {
    html += fmt::format("<span class=\"key\"><i style=\"background:var(--{})\"></i>{}</span>",
                        variable, text);
  }
  return html +
         "<span class=\"key\"><i style=\"outline:2px solid var(--crit);outline-offset:-2px\"></i>"
         "critical path</span>";
}

std::string Buttons(const Timeline& timeline) {
  std::string html =
      fmt::format("<button data-view=\"0,{:.3f}\">All</button>", timeline.end_ms * 1.01);
  if (timeline.boot_ms > 0) {
    html += fmt::format("<button data-view=\"0,{:.3f}\">Boot</button>", timeline.boot_ms * 1.08);
  }
  if (timeline.shutdown_ms > 0) {
    const double length = timeline.end_ms - timeline.shutdown_ms;
    html += fmt::format("<button data-view=\"{:.3f},{:.3f}\">Shutdown</button>",
                        std::max(0.0, timeline.shutdown_ms - length * 0.1),
                        timeline.end_ms + length * 0.02);
  }
  return html;
}

}  // namespace

std::string TimelinePage(const Timeline& timeline, std::string_view title) {
  View view{0, std::max(timeline.end_ms * 1.01, 0.001)};
  // A long life would leave the boot a hair's breadth.
  if (timeline.boot_ms > 0 && timeline.end_ms > 6 * timeline.boot_ms)
    view.to = timeline.boot_ms * 1.08;
  std::string summary = timeline.guest.empty() ? "" : timeline.guest + ". ";
  if (timeline.boot_ms > 0) summary += fmt::format("Boot {}. ", Duration(timeline.boot_ms));
  if (timeline.shutdown_ms > 0) {
    summary += fmt::format("Life {}, of it shutdown {}. ", Duration(timeline.end_ms),
                           Duration(timeline.end_ms - timeline.shutdown_ms));
  } else {
    summary += "The end was not seen. ";
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>inro trace: {0}</title>\n<style>{1}</style></head>\n<body>\n<h1>inro trace: "
      "{0}</h1>\n"
      "<p class=\"note\">{2}Time since the guest's kernel began. Drag over the chart to zoom in, "
      "double "
      "click to see all, Ctrl and wheel to zoom about the pointer, hover for details.</p>\n"
      "<div class=\"bar-row\">{3}{4}</div>\n{5}{6}<div id=\"tip\"></div>\n<script>{7}</script>\n"
      "</body></html>\n",
      Escaped(title), kStyle, Escaped(summary), Buttons(timeline), Key(), Chart(timeline, view),
      CriticalTable(timeline), kScript);
}

}  // namespace inro::report
