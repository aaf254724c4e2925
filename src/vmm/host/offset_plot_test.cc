#include "vmm/host/offset_plot.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace inro::vmm {
namespace {

TEST(OffsetPlot, NiceSteps) {
  EXPECT_DOUBLE_EQ(NiceStep(80, 8), 10);
  EXPECT_DOUBLE_EQ(NiceStep(81, 8), 20);
  EXPECT_DOUBLE_EQ(NiceStep(0.3, 8), 0.05);
  EXPECT_GT(NiceStep(0, 8), 0);
}

TEST(OffsetPlot, HoldsEveryPointInsideThePicture) {
  const std::string svg =
      OffsetPlotSvg({{0, -120, 40}, {4, 900, 10}, {600, 3, 2}}, "guest <web> & others");
  EXPECT_NE(svg.find("3 measurements"), std::string::npos);
  EXPECT_NE(svg.find("largest 900.0"), std::string::npos);
  EXPECT_NE(svg.find("guest &lt;web> &amp; others"), std::string::npos);
  for (std::size_t at = svg.find("cy=\""); at != std::string::npos;
       at = svg.find("cy=\"", at + 1)) {
    const double y = std::stod(svg.substr(at + 4));
    EXPECT_GE(y, 40);
    EXPECT_LE(y, 315);
  }
  EXPECT_NE(svg.find("4.0 s: +900.0"), std::string::npos);
}

TEST(OffsetPlot, TextHoldsEveryPoint) {
  const std::string text =
      OffsetPlotText({{0, -1000, 40}, {4, 1000, 10}, {600, 0, 2}}, "guest web");
  EXPECT_EQ(text.find("guest web: 3 measurements, root mean square 816.5"), 0u) << text;
  EXPECT_EQ(std::ranges::count(text.substr(text.find('\n')), 'o'), 3) << text;
  EXPECT_NE(text.find("\n        0 -"), std::string::npos) << text;
  EXPECT_NE(text.find("600 s\n"), std::string::npos) << text;
  EXPECT_EQ(OffsetPlotText({}, "x"), "x: nothing was measured\n");
  EXPECT_EQ(OffsetPlotText({{5, 0, 0}}, "x").find("nan"), std::string::npos);
  // Points that lie in one column and row are one mark.
  EXPECT_NE(OffsetPlotText({{0, 5, 1000}, {0, 5, 10}}, "x").find('|'), std::string::npos);
}

TEST(OffsetPlot, NothingMeasuredIsAPictureToo) {
  EXPECT_NE(OffsetPlotHtml({}, "x").find("nothing was measured"), std::string::npos);
  EXPECT_EQ(OffsetPlotSvg({{5, 0, 0}}, "x").find("nan"), std::string::npos);
}

}  // namespace
}  // namespace inro::vmm
