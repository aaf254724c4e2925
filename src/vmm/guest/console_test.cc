#include "vmm/guest/console.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace inro::vmm {
namespace {

std::vector<std::string> Lines(std::string_view bytes, std::size_t piece) {
  ConsoleParser parser;
  std::vector<std::string> lines;
  const auto sink = [&](const ConsoleLine& line) {
    lines.push_back((line.uptime ? fmt::format("{}us:", line.uptime->count()) : std::string()) +
                    line.text);
  };
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    parser.Feed(bytes.substr(at, piece), sink);
  parser.Finish(sink);
  return lines;
}

TEST(Console, CleansLinesHoweverTheBytesAreCut) {
  constexpr std::string_view kBytes =
      "\x1b[2J\x1b]0;title\a[    0.000000] Linux version 6.1\r\n"
      "\r\n"
      "[  OK  ] \x1b[0;32mReached\x1b[0m target\n"
      "[12345.678901][    T1] systemd[1]: hello\r\n"
      "no newline";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, kBytes.size()}) {
    EXPECT_THAT(Lines(kBytes, piece),
                testing::ElementsAre("0us:Linux version 6.1", "[  OK  ] Reached target",
                                     "12345678901us:systemd[1]: hello", "no newline"));
  }
}

TEST(Console, LongLinesAreCutAndTheNextIsWhole) {
  const auto lines = Lines(std::string(10'000, 'x') + "\nnext\n", 100);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].size(), kConsoleLineLimit);
  EXPECT_EQ(lines[1], "next");
}

TEST(Console, WhatIsNoTimeStampStays) {
  for (const char* text : {"[", "[]", "[FAILED] x", "[ 1.2] x", "[ a.000000] x", "[1.0000000] x",
                           "[.000000] x", "[9999999999999999999.000000] x"}) {
    EXPECT_EQ(SplitTimeStamp(text).text, text);
    EXPECT_FALSE(SplitTimeStamp(text).uptime.has_value());
  }
}

}  // namespace
}  // namespace inro::vmm
