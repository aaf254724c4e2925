#include "protocol/time_message.h"

#include <gtest/gtest.h>

#include <limits>

namespace inro::protocol {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(TimeMessage, ComesBackAsItWasSent) {
  const TimeMessage request{.sequence = 7, .t1 = -5};
  EXPECT_EQ(ParseTimeMessage(Encode(request)), request);
  const TimeMessage answer{.kind = TimeMessage::Kind::kAnswer,
                           .sequence = 0xffff'ffff'ffff'ffff,
                           .t1 = 1'700'000'000 * kSecond,
                           .t2 = 1'700'000'001 * kSecond + 3,
                           .t3 = std::numeric_limits<std::int64_t>::max(),
                           .flags = kHostIsSynchronised};
  EXPECT_EQ(ParseTimeMessage(Encode(answer)), answer);
}

TEST(TimeMessage, BytesAreAsDocumented) {
  const TimeBytes bytes = Encode(TimeMessage{.sequence = 0x0102, .t1 = 0x0304});
  const TimeBytes expected = {'i', 'T', 'I', 'M', 1, 0, 1, 0, 2, 1, 0, 0, 0, 0, 0, 0, 4, 3};
  EXPECT_EQ(bytes, expected);
}

TEST(TimeMessage, AnythingElseIsRefused) {
  const TimeBytes good = Encode(TimeMessage{.sequence = 1, .t1 = 1});
  ASSERT_TRUE(ParseTimeMessage(good));
  // The magic, the version, the kind, t2, t3, the flags and the zero: a bit in each.
  for (const std::size_t at : {0, 3, 4, 5, 6, 7, 24, 31, 32, 40, 43, 44, 47}) {
    TimeBytes bad = good;
    bad[at] ^= 0x80;
    EXPECT_FALSE(ParseTimeMessage(bad)) << at;
  }
  TimeBytes flags = Encode(TimeMessage{.kind = TimeMessage::Kind::kAnswer, .flags = 2});
  EXPECT_FALSE(ParseTimeMessage(flags));
}

TEST(TimeOffset, SymmetricPathGivesTheExactOffset) {
  // The guest is 5 s behind; 2 ms there, 1 ms at the host, 2 ms back.
  const TimeOffset got = OffsetOf(100 * kSecond, 105 * kSecond + 2'000'000,
                                  105 * kSecond + 3'000'000, 100 * kSecond + 5'000'000);
  EXPECT_EQ(got.offset, 5 * kSecond);
  EXPECT_EQ(got.round_trip, 4'000'000);
}

TEST(TimeOffset, TheErrorIsWithinHalfTheRoundTrip) {
  // All of the 4 ms on one way.
  const TimeOffset got = OffsetOf(0, 4'000'000, 4'000'000, 4'000'000);
  EXPECT_EQ(got.offset, 2'000'000);
  EXPECT_EQ(got.round_trip, 4'000'000);
  EXPECT_EQ(OffsetOf(10, 0, 0, 10).offset, -10);
}

TEST(TimeOffset, DoesNotOverflow) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(OffsetOf(kLeast, kMost, kMost, kLeast).offset, kMost);
  EXPECT_EQ(OffsetOf(kMost, kLeast, kLeast, kMost).offset, kLeast);
  EXPECT_EQ(OffsetOf(kLeast, 0, 0, kMost).round_trip, kMost);
}

}  // namespace
}  // namespace inro::protocol
