// The log of a guest as a stream of lines, through whatever leads to it.
//
// Ways, in this order: the control port (service Logs, by long calls); once that has given what is
// kept, and has told the collector's own port, that port, which also carries the last lines of the
// guest's life; where no control answers, port 1025, on which a Kata agent gives its log. When a
// way breaks, a follower looks for one again, and goes on after the last line it has.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

inline constexpr std::uint32_t kKataLogPort = 1025;

struct LogStreamOptions {
  bool follow = true;
  std::chrono::milliseconds connect_timeout{3000};
  std::chrono::milliseconds retry_every{500};
  // Without an answer at all since the beginning, this long; then it is an error.
  std::chrono::milliseconds patience{10'000};
  std::function<bool()> stop;    // asked now and then: true ends the stream
  std::function<bool()> exists;  // false: the guest is gone for good, which ends the stream
};

class LogStream {
 public:
  using Dial = std::function<Result<UniqueFd>(std::uint32_t port, std::chrono::milliseconds)>;
  using Take = std::function<void(std::string_view line)>;
  using Note = std::function<void(std::string_view what)>;

  LogStream(Dial dial, LogStreamOptions options)
      : dial_(std::move(dial)), options_(std::move(options)) {}

  // Calls `take` for each line, in order, none twice; `note` for what befell the stream: a
  // connection that was lost or found again, numbers that are missing. Returns at the end of what
  // is kept (not following), when stopped, or when the guest is gone.
  Result<> Run(const Take& take, const Note& note);

 private:
  enum class End { kDone, kBroken, kNoService };
  struct Outcome {
    End end;
    std::string why;
  };
  Outcome RunControl(const Take& take, const Note& note);
  Outcome RunRaw(std::uint32_t port, const Take& take, const Note& note);
  void Give(std::string_view line, const Take& take, const Note& note);
  bool Stopped() const { return options_.stop && options_.stop(); }
  bool Wait(std::chrono::milliseconds time) const;  // false when stopped

  Dial dial_;
  LogStreamOptions options_;
  std::uint64_t last_seq_ = 0;
  // By number, the hash of each of the newest lines: what a new connection gives again is passed
  // over, and what only has the same number is not.
  std::map<std::uint64_t, std::size_t> seen_;
  bool answered_ = false;          // by any way, ever
  bool control_answered_ = false;  // by the control port, ever
};

}  // namespace inro::vmm
