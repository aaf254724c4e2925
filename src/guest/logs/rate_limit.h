// How much one sender may log: so many records in an interval; the rest is dropped and counted.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace inro::guest::logs {

class RateLimit {
 public:
  static constexpr std::uint64_t kInterval = 30'000'000;  // microseconds
  using Report = std::function<void(std::string_view sender, std::uint64_t dropped)>;

  // `burst` records in kInterval for each sender; 0: no limit.
  explicit RateLimit(std::uint64_t burst) : burst_(burst) {}

  enum class Verdict {
    kTake,
    kDropFirst,  // the first drop of an interval: NextDue() has changed
    kDrop,
  };
  // What becomes of one more record of `sender`. `report` tells what was dropped in an interval of
  // its that is now over. Senders are at most kSenders at a time: the one that was silent longest
  // makes place.
  Verdict Judge(std::string_view sender, std::uint64_t now_us, const Report& report);
  // Reports drops of intervals that are over; to be called at NextDue().
  void OnTime(std::uint64_t now_us, const Report& report);
  // When there is something to report; 0: never.
  std::uint64_t NextDue() const;
  // All that was dropped so far.
  std::uint64_t dropped() const { return dropped_; }

 private:
  static constexpr std::size_t kSenders = 64;
  struct Sender {
    std::string name;
    std::uint64_t begin_us = 0;
    std::uint64_t last_us = 0;
    std::uint64_t count = 0;
    std::uint64_t dropped = 0;
  };
  static void Close(Sender& sender, const Report& report);

  const std::uint64_t burst_;
  std::uint64_t dropped_ = 0;
  std::array<Sender, kSenders> senders_;
  std::size_t last_ = 0;  // index of the sender that was found last
};

}  // namespace inro::guest::logs
