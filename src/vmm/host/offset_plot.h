// The offset of a guest's clock over time, as a picture.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::vmm {

struct OffsetPoint {
  double seconds = 0;        // since the first
  double offset_us = 0;      // of the guest's clock: what is to be added to it
  double round_trip_us = 0;  // the offset is known to half of it
};

// A complete SVG document. The band around the line is what the round trip leaves open; the scale
// is linear and holds every point.
std::string OffsetPlotSvg(const std::vector<OffsetPoint>& points, std::string_view title);

// The same within an HTML page.
std::string OffsetPlotHtml(const std::vector<OffsetPoint>& points, std::string_view title);

// The same as lines of text, for a terminal: the summary, then a column for each stretch of time.
// `o` is where measurements lie, `|` what their round trips leave open.
std::string OffsetPlotText(const std::vector<OffsetPoint>& points, std::string_view title);

// A step of 1, 2 or 5 times a power of ten, at most `lines` of which span `range`.
double NiceStep(double range, int lines);

}  // namespace inro::vmm
