#include "vmm/host/offset_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace inro::vmm {
namespace {

constexpr double kWidth = 900;
constexpr double kHeight = 360;
constexpr double kLeft = 90;
constexpr double kRight = 20;
constexpr double kTop = 40;
constexpr double kBottom = 45;
constexpr int kLines = 8;
constexpr std::size_t kTextColumns = 75;
constexpr std::size_t kTextRows = 21;

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

struct Scale {
  double first = 0;
  double last = 1;
  double low = -1;
  double high = 1;

  double X(double seconds) const {
    return kLeft + (seconds - first) / (last - first) * (kWidth - kLeft - kRight);
  }
  double Y(double offset) const {
    return kTop + (high - offset) / (high - low) * (kHeight - kTop - kBottom);
  }
};

Scale ScaleOf(const std::vector<OffsetPoint>& points) {
  Scale scale;
  if (points.empty()) return scale;
  scale = {points.front().seconds, points.back().seconds, 0, 0};
  for (const OffsetPoint& point : points) {
    scale.low = std::min(scale.low, point.offset_us - point.round_trip_us / 2);
    scale.high = std::max(scale.high, point.offset_us + point.round_trip_us / 2);
  }
  if (scale.last <= scale.first) scale.last = scale.first + 1;
  const double margin = std::max((scale.high - scale.low) * 0.05, 1.0);
  scale.low -= margin;
  scale.high += margin;
  return scale;
}

// The multiples of `step` from `from` to `to`. Counted in whole numbers: a step that is lost beside
// a large value would end no loop.
std::vector<double> Marks(double from, double to, double step) {
  const double first = std::ceil(from / step);
  const auto count = static_cast<int>(std::floor(to / step) - first) + 1;
  std::vector<double> marks;
  for (int i = 0; i < count; ++i) marks.push_back((first + i) * step);
  return marks;
}

std::string Grid(const Scale& scale) {
  std::string svg;
  const double rows = NiceStep(scale.high - scale.low, kLines);
  for (const double at : Marks(scale.low, scale.high, rows)) {
    svg +=
        fmt::format(R"(<line x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}" stroke="{3}"/>)"
                    R"(<text x="{4}" y="{5:.1f}" text-anchor="end">{6:g} µs</text>)",
                    kLeft, kWidth - kRight, scale.Y(at), std::abs(at) < rows / 2 ? "#888" : "#ddd",
                    kLeft - 6, scale.Y(at) + 4, std::abs(at) < rows / 2 ? 0.0 : at);
  }
  const double columns = NiceStep(scale.last - scale.first, kLines);
  for (const double at : Marks(scale.first, scale.last, columns)) {
    svg += fmt::format(R"(<text x="{:.1f}" y="{}" text-anchor="middle">{:g} s</text>)", scale.X(at),
                       kHeight - kBottom + 18, at);
  }
  return svg;
}

std::string Summary(const std::vector<OffsetPoint>& points) {
  if (points.empty()) return "nothing was measured";
  double sum = 0;
  double worst = 0;
  for (const OffsetPoint& point : points) {
    sum += point.offset_us * point.offset_us;
    worst = std::max(worst, std::abs(point.offset_us));
  }
  return fmt::format("{} measurements, root mean square {:.1f} µs, largest {:.1f} µs",
                     points.size(), std::sqrt(sum / static_cast<double>(points.size())), worst);
}

}  // namespace

double NiceStep(double range, int lines) {
  const double raw = std::max(range, 1e-9) / std::max(lines, 1);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) return factor * power;
  }
  return 10 * power;
}

std::string OffsetPlotSvg(const std::vector<OffsetPoint>& points, std::string_view title) {
  const Scale scale = ScaleOf(points);
  std::string upper;
  std::string lower;
  std::string line;
  std::string dots;
  for (const OffsetPoint& point : points) {
    const double x = scale.X(point.seconds);
    const double half = point.round_trip_us / 2;
    upper += fmt::format("{:.1f},{:.1f} ", x, scale.Y(point.offset_us + half));
    lower = fmt::format("{:.1f},{:.1f} ", x, scale.Y(point.offset_us - half)) + lower;
    line += fmt::format("{:.1f},{:.1f} ", x, scale.Y(point.offset_us));
    dots += fmt::format(
        R"(<circle cx="{:.1f}" cy="{:.1f}" r="2.5"><title>{:.1f} s: {:+.1f} µs, round trip {:.1f} µs)"
        R"(</title></circle>)",
        x, scale.Y(point.offset_us), point.seconds, point.offset_us, point.round_trip_us);
  }
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" )"
      R"(font-family="sans-serif" font-size="12"><rect width="{0}" height="{1}" fill="#fff"/>)"
      R"(<text x="{2}" y="18" font-size="14">{3}</text><text x="{2}" y="33" fill="#555">{4}</text>)"
      R"({5}<polygon points="{6}{7}" fill="#9ecae1" fill-opacity="0.4"/>)"
      R"(<polyline points="{8}" fill="none" stroke="#3182bd" stroke-width="1.5"/>)"
      R"(<g fill="#08519c">{9}</g></svg>)"
      "\n",
      kWidth, kHeight, kLeft, Escape(title), Summary(points), Grid(scale), upper, lower, line,
      dots);
}

std::string OffsetPlotHtml(const std::vector<OffsetPoint>& points, std::string_view title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n"
      "<body>\n{}</body></html>\n",
      Escape(title), OffsetPlotSvg(points, title));
}

std::string OffsetPlotText(const std::vector<OffsetPoint>& points, std::string_view title) {
  const Scale scale = ScaleOf(points);
  std::string text = fmt::format("{}: {}\n", title, Summary(points));
  if (points.empty()) return text;
  const auto cell = [](double part, std::size_t cells) {
    const auto last = static_cast<double>(cells - 1);
    return static_cast<std::size_t>(std::clamp(std::round(part * last), 0.0, last));
  };
  const auto row_of = [&](double offset) {
    return cell((scale.high - offset) / (scale.high - scale.low), kTextRows);
  };
  std::vector<std::string> rows(kTextRows, std::string(kTextColumns, ' '));
  rows[row_of(0)].assign(kTextColumns, '-');
  const auto column_of = [&](const OffsetPoint& point) {
    return cell((point.seconds - scale.first) / (scale.last - scale.first), kTextColumns);
  };
  for (const OffsetPoint& point : points) {
    const double half = point.round_trip_us / 2;
    for (std::size_t row = row_of(point.offset_us + half); row <= row_of(point.offset_us - half);
         ++row) {
      rows[row][column_of(point)] = '|';
    }
  }
  for (const OffsetPoint& point : points) rows[row_of(point.offset_us)][column_of(point)] = 'o';
  for (std::size_t row = 0; row < kTextRows; ++row) {
    const double offset = scale.high - (scale.high - scale.low) * static_cast<double>(row) /
                                           static_cast<double>(kTextRows - 1);
    const std::string label = row == row_of(0) ? "0" : fmt::format("{:+.0f}", offset);
    const bool labelled = row % 4 == 0 || row == row_of(0);
    std::string line = fmt::format("{:>9} {}", labelled ? label : "", rows[row]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text + fmt::format("{:>9} {:<{}.0f}{:>8.0f} s\n", "us", scale.first, kTextColumns - 10,
                            scale.last);
}

}  // namespace inro::vmm
