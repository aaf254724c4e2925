// The parsers of the sources: kernel records, syslog lines, native entries, output streams, and the
// agent's lines.
#include <gmock/gmock.h>

#include "guest/logs/agent_line.h"
#include "guest/logs/field_list.h"
#include "guest/logs/kmsg_record.h"
#include "guest/logs/native_entry.h"
#include "guest/logs/process_unit.h"
#include "guest/logs/stdout_stream.h"
#include "guest/logs/syslog_line.h"

namespace inro::guest::logs {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(KmsgRecord, KernelLineWithDevice) {
  KernelRecord record;
  ASSERT_TRUE(ParseKernelRecord(
      "4,339,5140900,-;usb 1-1: new \\x22device\\x22\n SUBSYSTEM=usb\n DEVICE=+usb:1-1\n", record));
  EXPECT_EQ(record.number, 339u);
  EXPECT_EQ(record.monotonic_us, 5'140'900u);
  EXPECT_EQ(record.priority, 4);
  EXPECT_TRUE(record.from_kernel);
  EXPECT_EQ(record.identifier, "kernel");
  EXPECT_EQ(record.text, "usb 1-1: new \"device\"");
  EXPECT_EQ(record.device, "+usb:1-1");
}

TEST(KmsgRecord, LineOfAProcess) {
  KernelRecord record;
  // Facility daemon (3), severity info (6); further prefix fields are ignored, as documented.
  ASSERT_TRUE(ParseKernelRecord("30,7,12,-,caller=T1;sshd[42]: hello: world\n", record));
  EXPECT_FALSE(record.from_kernel);
  EXPECT_EQ(record.identifier, "sshd");
  EXPECT_EQ(record.pid, 42u);
  EXPECT_EQ(record.text, "hello: world");
  EXPECT_EQ(record.priority, 6);
}

TEST(KmsgRecord, DamagedOnesAreRefused) {
  KernelRecord record;
  for (const char* bytes : {"", "6,1,2", ";", "a,1,2,-;x", "6;x", "6,,;x"}) {
    EXPECT_FALSE(ParseKernelRecord(bytes, record)) << bytes;
  }
  ASSERT_TRUE(ParseKernelRecord("6,1,2,-;\\x", record));
  EXPECT_EQ(record.text, "\\x");
}

TEST(SyslogLine, OfTheCLibrary) {
  const SyslogLine line =
      ParseSyslogLine("<29>Nov 24 10:00:00 chronyd[77]: Selected source PHC0\n");
  EXPECT_EQ(line.priority, 5);
  EXPECT_EQ(line.identifier, "chronyd");
  EXPECT_EQ(line.pid, 77u);
  EXPECT_EQ(line.message, "Selected source PHC0");
}

TEST(SyslogLine, WithAHostAndWithoutPid) {
  const SyslogLine host = ParseSyslogLine("<11>Nov  4 10:00:00 guest app: it: broke");
  EXPECT_EQ(host.priority, 3);
  EXPECT_EQ(host.identifier, "app");
  EXPECT_EQ(host.message, "it: broke");
  const SyslogLine plain = ParseSyslogLine("no header at all");
  EXPECT_EQ(plain.priority, 5);
  EXPECT_EQ(plain.identifier, "");
  EXPECT_EQ(plain.message, "no header at all");
}

TEST(SyslogLine, Modern) {
  const SyslogLine line = ParseSyslogLine(
      "<165>1 2026-11-24T10:00:00.003Z host app 8710 ID47 [a@1 k=\"v]\\\"\"][b@1] "
      "\xef\xbb\xbftext");
  EXPECT_EQ(line.priority, 5);
  EXPECT_EQ(line.identifier, "app");
  EXPECT_EQ(line.pid, 8710u);
  EXPECT_EQ(line.message_id, "ID47");
  EXPECT_EQ(line.structured, "[a@1 k=\"v]\\\"\"][b@1]");
  EXPECT_EQ(line.message, "text");
  const SyslogLine bare = ParseSyslogLine("<13>1 - - - - - - hello");
  EXPECT_EQ(bare.identifier, "");
  EXPECT_EQ(bare.message, "hello");
}

TEST(SyslogLine, OddHeaders) {
  EXPECT_EQ(ParseSyslogLine("<999>x").message, "<999>x");
  EXPECT_EQ(ParseSyslogLine("<>x").message, "<>x");
  EXPECT_EQ(ParseSyslogLine("").message, "");
  EXPECT_EQ(ParseSyslogLine("<13>a]: x").message, "a]: x");
}

std::vector<std::pair<std::string, std::string>> Fields(std::string_view list) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (Field field; TakeField(list, field);) fields.emplace_back(field.name, field.value);
  return fields;
}

TEST(NativeEntry, TextAndBinaryFields) {
  std::string bytes = "MESSAGE\n";
  bytes += std::string("\x07\0\0\0\0\0\0\0", 8) + "two\nln." + "\n";
  bytes +=
      "PRIORITY=3\nSYSLOG_IDENTIFIER=app\nCODE_FILE=a=b.c\n_PID=1\nbad name=1\n\nMESSAGE=next\n";
  std::string_view rest = bytes;
  NativeEntry entry;
  ASSERT_TRUE(TakeNativeEntry(rest, entry));
  EXPECT_EQ(entry.message, "two\nln.");
  EXPECT_EQ(entry.priority, 3);
  EXPECT_EQ(entry.identifier, "app");
  EXPECT_THAT(Fields(entry.fields), ElementsAre(Pair("CODE_FILE", "a=b.c")));
  EXPECT_EQ(entry.left_out, 1u);
  ASSERT_TRUE(TakeNativeEntry(rest, entry));
  EXPECT_EQ(entry.message, "next");
  EXPECT_EQ(entry.priority, 6);
  EXPECT_FALSE(TakeNativeEntry(rest, entry));
}

TEST(NativeEntry, CutOffValueCountsAsFarAsItGoes) {
  const std::string bytes = "MESSAGE\n" + std::string("\xff\xff\0\0\0\0\0\0", 8) + "begin";
  std::string_view rest = bytes;
  NativeEntry entry;
  ASSERT_TRUE(TakeNativeEntry(rest, entry));
  EXPECT_EQ(entry.message, "begin");
  EXPECT_EQ(entry.left_out, 1u);
  EXPECT_TRUE(rest.empty());
}

TEST(NativeEntry, FieldsAreBounded) {
  std::string bytes = "MESSAGE=m\nBIG=" + std::string(10'000, 'x') + "\nSMALL=1\n";
  std::string_view rest = bytes;
  NativeEntry entry;
  ASSERT_TRUE(TakeNativeEntry(rest, entry));
  EXPECT_THAT(Fields(entry.fields), ElementsAre(Pair("SMALL", "1")));
  EXPECT_EQ(entry.left_out, 1u);
}

struct Lines {
  std::vector<std::pair<std::string, int>> got;
  StdoutStream::Line Take() {
    return
        [this](std::string_view text, std::uint8_t priority) { got.emplace_back(text, priority); };
  }
};

TEST(StdoutStream, HeaderThenLinesInPieces) {
  const std::string bytes = "app\nx.service\n30\n1\n0\n0\n0\nfirst\n<3>second  \n\nthird";
  for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
    StdoutStream stream;
    Lines lines;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_TRUE(stream.Take(std::string_view(bytes).substr(at, piece), lines.Take()));
    }
    EXPECT_EQ(stream.header().identifier, "app");
    EXPECT_EQ(stream.header().unit, "x.service");
    EXPECT_THAT(lines.got, ElementsAre(Pair("first", 6), Pair("second", 3)));
    stream.Flush(lines.Take());
    EXPECT_THAT(lines.got, ElementsAre(Pair("first", 6), Pair("second", 3), Pair("third", 6)));
  }
}

TEST(StdoutStream, WrongHeadersAreRefused) {
  for (const char* bytes : {"a\nb\nnine\n", "a\nb\n6\nyes\n", "a\nb\n6\n0\n2\n"}) {
    StdoutStream stream;
    EXPECT_FALSE(stream.Take(bytes, [](std::string_view, std::uint8_t) {})) << bytes;
  }
  StdoutStream stream;
  EXPECT_FALSE(stream.Take(std::string(5000, 'x'), [](std::string_view, std::uint8_t) {}));
}

TEST(StdoutStream, OverlongLinesAreSplit) {
  StdoutStream stream({.identifier = "app"});
  Lines lines;
  ASSERT_TRUE(stream.Take(std::string(2 * kMaxMessage + 5, 'y') + "\n", lines.Take()));
  ASSERT_EQ(lines.got.size(), 3u);
  EXPECT_EQ(lines.got[0].first.size(), kMaxMessage);
  EXPECT_EQ(lines.got[2].first.size(), 5u);
}

TEST(AgentLine, FieldsOfKata) {
  AgentLine line;
  ASSERT_TRUE(ParseAgentLine(
      R"({"msg":"new \"one\" \u00e9\ud83d\ude00","level":"WARN","ts":"2026-11-24T10:00:00.1Z",)"
      R"("pid":"7","version":"4.1.0","source":"agent","name":"kata-agent","subsystem":"rpc","n":-1.5e3})",
      line));
  EXPECT_EQ(line.message, "new \"one\" \xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ(line.priority, 4);
  EXPECT_TRUE(line.of_agent);
  EXPECT_EQ(line.pid, 7u);
  EXPECT_EQ(line.name, "kata-agent");
  EXPECT_THAT(Fields(line.fields),
              ElementsAre(Pair("ts", "2026-11-24T10:00:00.1Z"), Pair("version", "4.1.0"),
                          Pair("subsystem", "rpc"), Pair("n", "-1.5e3")));
}

TEST(AgentLine, OtherTextIsNone) {
  AgentLine line;
  for (const char* text :
       {"", "{", "{}", R"({"msg":"a"})", R"({"msg":"a","level":"LOUD"})",
        R"({"msg":"a","level":"INFO"} trailing)", R"({"msg":"a","level":"INFO","x":{}})",
        R"({"msg":"a","level":"INFO","x":01})", R"({"msg":"a\q","level":"INFO"})",
        R"({"msg":"a","level":"INFO",})"}) {
    EXPECT_FALSE(ParseAgentLine(text, line)) << text;
  }
}

TEST(ProcessUnit, FirstComponentBelowTheSlices) {
  EXPECT_EQ(UnitOfControlGroup("0::/system.slice/chrony.service\n"), "chrony.service");
  EXPECT_EQ(UnitOfControlGroup("0::/system.slice/system-getty.slice/getty@tty1.service/sub\n"),
            "getty@tty1.service");
  EXPECT_EQ(UnitOfControlGroup("0::/init.scope\n"), "init.scope");
  EXPECT_EQ(UnitOfControlGroup("1:name=systemd:/system.slice/a.service\n0::/\n"), "a.service");
  EXPECT_EQ(UnitOfControlGroup("0::/kata_abc/x.service\n"), "");
  EXPECT_EQ(UnitOfControlGroup("garbage"), "");
}

TEST(ProcessUnit, RemembersThoseThatAreGone) {
  std::string text = "0::/system.slice/a.service\n";
  int reads = 0;
  ProcessUnits units([&](pid_t) {
    ++reads;
    return text;
  });
  EXPECT_EQ(units.Find(5, 1'000'000), "a.service");
  EXPECT_EQ(units.Find(5, 2'000'000), "a.service");
  EXPECT_EQ(reads, 1);
  text.clear();
  EXPECT_EQ(units.Find(5, 9'000'000), "a.service");
  EXPECT_EQ(reads, 2);
  text = "0::/system.slice/b.service\n";
  EXPECT_EQ(units.Find(5, 20'000'000), "b.service");
}

}  // namespace
}  // namespace inro::guest::logs
