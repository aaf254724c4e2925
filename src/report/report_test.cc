#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compare/feature.h"
#include "report/html_report.h"
#include "report/json_report.h"
#include "report/measure_row.h"
#include "report/svg_chart.h"
#include "report/text_report.h"

namespace inro::report {
namespace {

compare::Comparison Sample() {
  compare::Comparison comparison;
  comparison.name = "debian";
  comparison.machine = "QEMU 7.2, tcg, 2 CPUs";
  comparison.poll_interval_ms = 5;
  comparison.floor_ready_ms.values = {2500, 2550, 2600};
  compare::GuestResult guest;
  guest.form = "initrd";
  guest.init = "inro";
  guest.artifact = "debian.initrd";
  guest.cells = {{"mounts", true, "12 <standard> mounts"}, {"logs", false, "not implemented"}};
  guest.measures.ready_ms.values = {2900, 2800, 3000, 2850};
  guest.measures.ready_over_floor = 1.127;
  guest.measures.artifact_bytes = 17282048;
  guest.events = {{"init started", 2400}, {"agent ready", 2900}};
  guest.spans = {{"chrony.service", 2500, 3100}};
  comparison.guests.push_back(guest);
  return comparison;
}

TEST(Samples, MedianOfEvenAndOddCounts) {
  compare::Samples samples;
  EXPECT_EQ(samples.Median(), 0);
  samples.values = {3, 1, 2};
  EXPECT_EQ(samples.Median(), 2);
  samples.values = {4, 1, 2, 3};
  EXPECT_EQ(samples.Median(), 2.5);
}

TEST(Terminal, ShowsEveryRowAndEvidence) {
  const std::string text = TerminalReport(Sample(), false);
  for (const auto& feature : compare::Features()) {
    EXPECT_NE(text.find(feature.title), std::string::npos) << feature.id;
  }
  EXPECT_NE(text.find("initrd, inro"), std::string::npos);
  EXPECT_NE(text.find("2,875 (2,800-3,000, n=4)"), std::string::npos) << text;
  EXPECT_NE(text.find("mounts     yes: 12 <standard> mounts"), std::string::npos) << text;
  EXPECT_NE(text.find("not probed"), std::string::npos);
  EXPECT_EQ(text.find("\033"), std::string::npos);
  EXPECT_NE(TerminalReport(Sample(), true).find("\033[32myes"), std::string::npos);
}

TEST(Json, HasTheContractsFields) {
  const auto document = nlohmann::json::parse(JsonReport(Sample()));
  EXPECT_EQ(document.at("schema"), "inro-compare/1");
  const auto& guest = document.at("guests").at(0);
  EXPECT_EQ(guest.at("features").at("mounts").at("yes"), true);
  for (const auto& row : MeasureRows()) {
    EXPECT_TRUE(guest.at("measures").contains(std::string(row.id))) << row.id;
  }
  EXPECT_EQ(guest.at("measures").at("ready_ms").at("median"), 2875);
  EXPECT_EQ(document.at("floor").at("ready_ms").at("n"), 3);
}

TEST(Markdown, TablesHaveOneColumnAGuest) {
  const std::string text = MarkdownReport(Sample());
  EXPECT_NE(text.find("| standard mounts | yes | yes | yes |"), std::string::npos) << text;
  EXPECT_NE(text.find("| artifact | 17.3 MB |"), std::string::npos) << text;
}

TEST(Html, StandsAloneAndEscapes) {
  const std::string html = HtmlReport(Sample());
  EXPECT_NE(html.find("12 &lt;standard&gt; mounts"), std::string::npos);
  EXPECT_EQ(html.find("http://"), std::string::npos);
  EXPECT_EQ(html.find("https://"), std::string::npos);
  EXPECT_NE(html.find("chrony.service"), std::string::npos);
  EXPECT_NE(html.find("prefers-color-scheme: dark"), std::string::npos);
}

TEST(Numbers, AreGrouped) {
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Grouped(-1234), "-1,234");
  EXPECT_EQ(Grouped(999.6), "1,000");
  EXPECT_EQ(Bytes(999), "999 B");
  EXPECT_EQ(Bytes(43.3e6), "43.3 MB");
}

}  // namespace
}  // namespace inro::report
