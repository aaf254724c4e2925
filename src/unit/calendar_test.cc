#include "unit/calendar.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "unit/text.h"

namespace inro::unit {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

// Tuesday, 2026-11-24 10:20:30.
constexpr std::int64_t kBase = std::int64_t{1795515630} * kSecond;

// The next `count` times, one a line, as "Www YYYY-MM-DD HH:MM:SS".
std::string Times(const std::string& text, int count, std::int64_t at = kBase) {
  const auto event = ParseCalendarEvent(text);
  if (!event) return "wrong";
  std::string out;
  for (int i = 0; i < count; ++i) {
    const auto next = NextElapse(*event, at);
    if (!next) return out + "never\n";
    EXPECT_GT(*next, at) << text;
    at = *next;
    const std::time_t seconds = at / kSecond;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char line[64];
    std::strftime(line, sizeof line, "%a %Y-%m-%d %H:%M:%S\n", &parts);
    out += line;
  }
  return out;
}

TEST(Calendar, KnownTimes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"minutely", "Tue 2026-11-24 10:21:00\n"},
      {"hourly", "Tue 2026-11-24 11:00:00\n"},
      {"daily", "Wed 2026-11-25 00:00:00\n"},
      {"weekly", "Mon 2026-11-30 00:00:00\n"},
      {"monthly", "Tue 2026-12-01 00:00:00\n"},
      {"quarterly", "Fri 2027-01-01 00:00:00\n"},
      {"semiannually", "Fri 2027-01-01 00:00:00\n"},
      {"yearly", "Fri 2027-01-01 00:00:00\n"},
      {"Thu,Fri 2028-*-1,5 11:12:13", "Fri 2028-05-05 11:12:13\n"},
      {"Mon *-*~1", "Mon 2026-11-30 00:00:00\n"},
      {"*-02~03", "Fri 2027-02-26 00:00:00\n"},
      {"*-02-29", "Tue 2028-02-29 00:00:00\n"},
      {"10:20:30", "Wed 2026-11-25 10:20:30\n"},
      {"10:20:31", "Tue 2026-11-24 10:20:31\n"},
      {"*:*:0/20", "Tue 2026-11-24 10:20:40\n"},
      {"@1795515631", "Tue 2026-11-24 10:20:31\n"},
      {"2025-01-01", "never\n"},
      {"*-02-30", "never\n"},
  };
  for (const auto& [text, wanted] : kCases) EXPECT_EQ(Times(text, 1), wanted) << text;
}

TEST(Calendar, FractionsOfSeconds) {
  const auto event = ParseCalendarEvent("*:*:01.5/0.25");
  ASSERT_TRUE(event);
  const std::int64_t first = *NextElapse(*event, kBase - kSecond);
  EXPECT_EQ(first, kBase - kSecond + 250'000);
  EXPECT_EQ(*NextElapse(*event, first), first + 250'000);
}

TEST(Calendar, RefusesWhatIsNone) {
  for (const char* text : {"", "x", "Mon..", "Fri..Mon", "25:00", "*-13-01", "*-*-32", "*-*~30",
                           "1:2:60", "*/2:00", "10", "2026-11", "*:0/0", "00:00:00 Europe/Berlin",

                           "*-*-*-*", "daily daily", "1,2,,3:00", "9..3:00", "1:2:3:4"}) {
    EXPECT_FALSE(ParseCalendarEvent(text)) << text;
  }
}

// What the original says about the same expressions, where it is at hand.
TEST(Calendar, AgreesWithSystemdAnalyze) {
  if (::access("/usr/bin/systemd-analyze", X_OK) != 0) {
    GTEST_SKIP() << "systemd-analyze is not installed";
  }
  for (const char* text : {"minutely",
                           "hourly",
                           "daily",
                           "weekly",
                           "monthly",
                           "quarterly",
                           "semiannually",
                           "yearly",
                           "Sat,Thu,Mon..Wed,Sat..Sun",
                           "Mon,Sun 12-*-* 2,1:23",
                           "Wed *-1",
                           "Wed..Wed,Wed *-1",
                           "Wed, 17:48",
                           "Wed..Sat,Tue 12-10-15 1:2:3",
                           "*-*-7 0:0:0",
                           "10-15",
                           "monday *-12-* 17:00",
                           "Mon,Fri *-*-3,1,2 *:30:45",
                           "12,14,13,12:20,10,30",
                           "12..14:10,20,30",
                           "mon,fri *-1/2-1,3 *:30:45",
                           "03-05 08:05:40",
                           "08:05:40",
                           "05:40",
                           "Sat,Sun 12-05 08:05:40",
                           "Sat,Sun 08:05:40",
                           "2028-03-05 08:05:40",
                           "2028-03-05 08:05",
                           "2028-03-05",
                           "2028-03-05 05:40",
                           "*-*-* *:*:*",
                           "*:2/3",
                           "*:20..40/5",
                           "00..07/2:15",
                           "*-*~01",
                           "*-*~07/1",
                           "*-02~01..03",
                           "Mon *-05~07/1",
                           "*-*-1..7 12:00",
                           "Sun *-*-* 00:00:00 UTC",
                           "29-2-29",
                           "2100-02-29",
                           "*-02-29",
                           "@1800000000",
                           "70-1-1",
                           "99-12-31",
                           "2199-12-31",
                           "2200-01-01",
                           "mon..fri",
                           "Mon-Fri",
                           "tue..mon",
                           "0/4:00",
                           "*-1..3-*/2",
                           "*-*-2/5",
                           "1..1:00",
                           "1..3/5:00",
                           "5..5/3:00",
                           "9..3:00",
                           "20/8:00",
                           "*:60",
                           "24:00",
                           "~1",
                           "*~1",
                           "1~1..5",
                           "*:*:0..59/7",
                           "*:*:30..10",
                           "x:1",
                           "Mon..Fri 8..18/2:0/20"}) {
    const std::string command =
        "TZ=UTC LC_ALL=C systemd-analyze calendar --base-time='2026-11-24 10:20:30 UTC' "
        "--iterations=4 '" +
        std::string(text) + "' 2>&1";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string output;
    char buffer[4096];
    while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
      output.append(buffer, count);
    }
    const bool accepted = ::pclose(pipe) == 0;
    std::string wanted = accepted ? "" : "wrong";
    int lines = 0;
    for (std::size_t begin = 0; accepted && begin < output.size();) {
      const std::size_t end = std::min(output.find('\n', begin), output.size());
      const std::string_view line = Trim(std::string_view(output).substr(begin, end - begin));
      begin = end + 1;
      const std::size_t colon = line.find(": ");
      if (colon == std::string_view::npos) continue;
      const std::string_view value = Trim(line.substr(colon + 2));
      if (!line.starts_with("Next elapse") && !line.starts_with("Iter")) continue;
      ++lines;
      if (value == "never") {
        wanted += "never\n";
      } else {
        wanted += std::string(value.substr(0, 23)) + "\n";
      }
    }
    std::string found = Times(text, 4);
    if (accepted && lines < 4 && !wanted.ends_with("never\n")) wanted += "never\n";
    EXPECT_EQ(found, wanted) << text << "\n" << output;
  }
}

}  // namespace
}  // namespace inro::unit
