#include "guest/systemctl/unit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "guest/systemctl/fake_collector.h"
#include "sys/file.h"

namespace inro::guest::systemctl {
namespace {

TEST(UnitLog, ItsLastLinesSinceATime) {
  const auto folder = sys::TempDir::Create("unit-log");
  ASSERT_TRUE(folder);
  const std::string socket = folder->path() + "/logs.sock";
  EXPECT_FALSE(LastLogLines(socket, "a.service", 0, 10)) << "nobody listens";
  std::string text;
  for (int i = 0; i < 3000; ++i) {  // more than one read takes
    text += fmt::format(R"({{"msg":"{}","unit":"{}.service","name":"x","pid":"{}",)"
                        R"("ts":"2026-01-02T03:04:05.000006Z","monotonic_us":{}}})"
                        "\n",
                        i, i % 2 == 0 ? "a" : "b", i, 1000 + i);
  }
  {
    const FakeCollector collector(socket, text + "no record\n\nafter the end\n");
    const auto lines = LastLogLines(socket, "a.service", 0, 3);
    ASSERT_TRUE(lines) << lines.error().ToString();
    ASSERT_EQ(lines->size(), 3U);
    EXPECT_EQ(lines->front().message, "2994");
    EXPECT_EQ(lines->back().message, "2998");
    EXPECT_EQ(LastLogLines(socket, "a.service", 3997, 3)->size(), 1U);
    EXPECT_TRUE(LastLogLines(socket, "c.service", 0, 3)->empty());
  }
  const FakeCollector cut(socket, text, true);
  const auto lines = LastLogLines(socket, "a.service", 0, 3);
  ASSERT_FALSE(lines);
  EXPECT_EQ(lines.error().kind(), ErrorKind::kClosed);
}

TEST(UnitLog, OfTheJournalByItsProgram) {
  const auto folder = sys::TempDir::Create("unit-log");
  ASSERT_TRUE(folder);
  const std::string program = folder->path() + "/journalctl";
  ASSERT_TRUE(sys::WriteFile(program, "#!/bin/sh\necho \"$@\"\n"));
  ASSERT_EQ(::chmod(program.c_str(), 0755), 0);
  EXPECT_EQ(JournalText(program, "a.service", 3).value_or(""),
            "--no-pager --quiet --boot --lines 3 --unit=a.service\n");
  ASSERT_TRUE(sys::WriteFile(program, "#!/bin/sh\necho broken >&2\nexit 1\n"));
  const auto failed = JournalText(program, "a.service", 3);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().ToString().find("broken"), std::string::npos);
  EXPECT_FALSE(JournalText(folder->path() + "/absent", "a.service", 3));
}

TEST(UnitLog, TextOfALine) {
  const LogLine line{"2026-01-02T03:04:05.000006Z", "prog", "one\ntwo", "12"};
  EXPECT_EQ(LogLineText(line, "guest"),
            "Jan 02 03:04:05 guest prog[12]: one\n                                two\n");
  EXPECT_EQ(LogLineText({"soon", "", "x", "0"}, "guest"), "guest unknown: x\n");
  EXPECT_EQ(LogLineText({"2026-13-02T03:04:05Z", "p", "x", "0"}, "guest"), "guest p: x\n");
}

}  // namespace
}  // namespace inro::guest::systemctl
