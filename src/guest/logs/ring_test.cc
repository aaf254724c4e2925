#include "guest/logs/ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "guest/logs/field_list.h"
#include "guest/logs/rate_limit.h"
#include "guest/logs/record_json.h"

namespace inro::guest::logs {
namespace {

Ring NewRing(std::size_t capacity = kSmallestRing) {
  auto ring = Ring::Create(capacity);
  EXPECT_TRUE(ring) << ring.error().ToString();
  return std::move(*ring);
}

Record Message(std::string_view text) {
  return {.realtime_us = 5,
          .monotonic_us = 4,
          .pid = 3,
          .priority = 2,
          .source = Source::kSyslog,
          .unit = "u.service",
          .identifier = "id",
          .message = text};
}

UniqueFd Duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

TEST(Ring, GivesBackWhatItTook) {
  Ring ring = NewRing();
  std::string fields;
  ASSERT_TRUE(AppendField({.name = "A", .value = "1"}, fields));
  Record sent = Message("hello");
  sent.fields = fields;
  EXPECT_EQ(ring.last_seq(), 0u);
  EXPECT_EQ(ring.Append(sent), 1u);
  Ring::Cursor cursor = ring.Oldest();
  Record got;
  std::uint64_t lost = 7;
  ASSERT_TRUE(ring.Next(cursor, got, lost));
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(got.seq, 1u);
  EXPECT_EQ(got.realtime_us, 5u);
  EXPECT_EQ(got.pid, 3u);
  EXPECT_EQ(got.source, Source::kSyslog);
  EXPECT_EQ(got.unit, "u.service");
  EXPECT_EQ(got.identifier, "id");
  EXPECT_EQ(got.message, "hello");
  EXPECT_EQ(FindField(got.fields, "A"), "1");
  EXPECT_FALSE(ring.Next(cursor, got, lost));
}

TEST(Ring, KeepsTheNewestAndCountsWhatIsGone) {
  Ring ring = NewRing();
  Ring::Cursor slow = ring.Oldest();
  for (int i = 1; i <= 20'000; ++i) {
    ring.Append(Message(std::to_string(i) + std::string(static_cast<std::size_t>(i % 97), '.')));
  }
  EXPECT_EQ(ring.last_seq(), 20'000u);
  Record got;
  std::uint64_t lost = 0;
  ASSERT_TRUE(ring.Next(slow, got, lost));
  EXPECT_EQ(lost, 20'000 - ring.kept());
  EXPECT_EQ(got.seq, lost + 1);
  std::uint64_t count = 1;
  std::uint64_t seq = got.seq;
  while (ring.Next(slow, got, lost)) {
    EXPECT_EQ(lost, 0u);
    EXPECT_EQ(got.seq, ++seq);
    EXPECT_EQ(got.message.substr(0, got.message.find('.')), std::to_string(seq));
    ++count;
  }
  EXPECT_EQ(seq, 20'000u);
  EXPECT_EQ(count, ring.kept());
  Ring::Cursor after = ring.After(19'990);
  ASSERT_TRUE(ring.Next(after, got, lost));
  EXPECT_EQ(got.seq, 19'991u);
  after = ring.After(20'000);
  EXPECT_FALSE(ring.Next(after, got, lost));
  after = ring.After(20'001);
  ASSERT_TRUE(ring.Next(after, got, lost));
  EXPECT_EQ(got.seq, 20'001 - ring.kept());
}

TEST(Ring, CutsTextsToTheirLimits) {
  Ring ring = NewRing();
  const std::string big(100'000, 'x');
  ring.Append({.unit = big, .identifier = big, .message = big, .fields = big});
  Ring::Cursor cursor = ring.Oldest();
  Record got;
  std::uint64_t lost = 0;
  ASSERT_TRUE(ring.Next(cursor, got, lost));
  EXPECT_EQ(got.message.size(), kMaxMessage);
  EXPECT_EQ(got.unit.size(), kMaxName);
}

TEST(Ring, ASuccessorGoesOn) {
  UniqueFd file;
  {
    Ring ring = NewRing();
    for (int i = 0; i < 5000; ++i) ring.Append(Message(std::to_string(i)));
    ring.set_kernel_next(77);
    file = Duplicate(ring.file());
  }
  auto ring = Ring::Adopt(std::move(file));
  ASSERT_TRUE(ring) << ring.error().ToString();
  EXPECT_EQ(ring->last_seq(), 5000u);
  EXPECT_EQ(ring->kernel_next(), 77u);
  EXPECT_EQ(ring->Append(Message("next")), 5001u);
}

// A process may be killed at any instruction of Append: the counters lag behind the entries then.
TEST(Ring, CountersThatLagAreSetRight) {
  Ring ring = NewRing();
  for (int i = 0; i < 3; ++i) ring.Append(Message("x"));
  auto* words = static_cast<std::uint64_t*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.file(), 0));
  ASSERT_NE(words, MAP_FAILED);
  words[4] -= 1;  // last_seq
  auto again = Ring::Adopt(Duplicate(ring.file()));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->last_seq(), 3u);
  ::munmap(words, 4096);
}

TEST(Ring, DamagedOnesAreRefused) {
  Ring ring = NewRing();
  for (int i = 0; i < 3; ++i) ring.Append(Message("x"));
  auto* bytes =
      static_cast<char*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring.file(), 0));
  ASSERT_NE(bytes, MAP_FAILED);
  const std::string good(bytes, 8192);
  int refused = 0;
  for (std::size_t at = 0; at < 8192; at += 4) {
    std::memcpy(bytes, good.data(), 8192);
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    // Whatever is accepted can be read to its end.
    auto damaged = Ring::Adopt(Duplicate(ring.file()));
    if (!damaged) {
      ++refused;
      continue;
    }
    Ring::Cursor cursor = damaged->Oldest();
    Record got;
    std::uint64_t lost = 0;
    for (int i = 0; i < 10 && damaged->Next(cursor, got, lost); ++i) {
    }
  }
  EXPECT_GT(refused, 5);
  ::munmap(bytes, 8192);
  UniqueFd none(::memfd_create("none", 0));
  EXPECT_FALSE(Ring::Adopt(std::move(none)));
}

TEST(RateLimit, DropsAndSays) {
  RateLimit limit(2);
  std::vector<std::pair<std::string, std::uint64_t>> said;
  const auto report = [&](std::string_view sender, std::uint64_t dropped) {
    said.emplace_back(sender, dropped);
  };
  using Verdict = RateLimit::Verdict;
  EXPECT_EQ(limit.Judge("a", 10, report), Verdict::kTake);
  EXPECT_EQ(limit.Judge("a", 11, report), Verdict::kTake);
  EXPECT_EQ(limit.Judge("a", 12, report), Verdict::kDropFirst);
  EXPECT_EQ(limit.Judge("b", 12, report), Verdict::kTake);
  EXPECT_EQ(limit.Judge("a", 13, report), Verdict::kDrop);
  EXPECT_EQ(limit.NextDue(), 10 + RateLimit::kInterval);
  limit.OnTime(11 + RateLimit::kInterval, report);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0], std::pair(std::string("a"), std::uint64_t{2}));
  EXPECT_EQ(limit.NextDue(), 0u);
  EXPECT_EQ(limit.Judge("a", 12 + RateLimit::kInterval, report), Verdict::kTake);
  EXPECT_EQ(limit.dropped(), 2u);
}

TEST(RateLimit, ManySendersSayTheirDropsWhenTheyMakePlace) {
  RateLimit limit(1);
  std::uint64_t said = 0;
  const auto report = [&](std::string_view, std::uint64_t dropped) { said += dropped; };
  for (int i = 0; i < 200; ++i) {
    const std::string name = std::to_string(i);
    limit.Judge(name, static_cast<std::uint64_t>(i) + 1, report);
    limit.Judge(name, static_cast<std::uint64_t>(i) + 1, report);
  }
  limit.OnTime(RateLimit::kInterval * 2, report);
  EXPECT_EQ(said, 200u);
}

TEST(RecordJson, HasTheFieldsOfKataAndItsOwn) {
  std::string fields;
  AppendField({.name = "CODE_LINE", .value = "7"}, fields);
  AppendField({.name = "seq", .value = "5", .raw = true}, fields);
  Record record = Message("a \"b\"");
  record.seq = 9;
  record.realtime_us = 1'764'000'000'123'456;
  record.fields = fields;
  std::string out;
  AppendJsonRecord(record, out);
  EXPECT_EQ(
      out,
      R"({"msg":"a \"b\"","level":"CRIT","ts":"2025-11-24T16:00:00.123456Z","pid":"3",)"
      R"("name":"id","source":"syslog","subsystem":"u.service","version":")" INRO_VERSION
      R"(","unit":"u.service","priority":2,"seq":9,"monotonic_us":4,"CODE_LINE":"7","x_seq":5})"
      "\n");
}

TEST(RecordJson, TimesOfLeapYears) {
  const auto time = [](std::uint64_t seconds) {
    std::string out;
    AppendTime(seconds * 1'000'000, out);
    return out;
  };
  EXPECT_EQ(time(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(time(951'782'400), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(time(4'107'542'399), "2100-02-28T23:59:59.000000Z");
  EXPECT_EQ(time(4'107'542'400), "2100-03-01T00:00:00.000000Z");
}

}  // namespace
}  // namespace inro::guest::logs
