#include "vmm/host/offset_plot.h"

#include <gtest/gtest.h>

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

TEST(OffsetPlot, NothingMeasuredIsAPictureToo) {
  EXPECT_NE(OffsetPlotHtml({}, "x").find("nothing was measured"), std::string::npos);
  EXPECT_EQ(OffsetPlotSvg({{5, 0, 0}}, "x").find("nan"), std::string::npos);
}

}  // namespace
}  // namespace inro::vmm
