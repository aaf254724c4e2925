// What a service writes to /run/systemd/journal/stdout (systemd-journald's stdout protocol): seven
// header lines (identifier, unit, priority, whether "<N>" at the front of a line counts, and three
// words about forwarding), then lines of the log.
//
// States: header (0 to 6 lines taken) -> lines. Memory: one unfinished line, at most kMaxMessage.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "guest/logs/record.h"

namespace inro::guest::logs {

class StdoutStream {
 public:
  struct Header {
    std::string identifier;
    std::string unit;
    std::uint8_t priority = kPriorityInfo;
    bool level_prefix = false;
  };
  using Line = std::function<void(std::string_view text, std::uint8_t priority)>;

  StdoutStream() = default;
  // A stream whose header was read by an earlier process.
  explicit StdoutStream(Header header) : header_(std::move(header)), header_lines_(kHeaderLines) {}

  // Takes the next bytes and calls `line` for each line that is complete or too long to wait for
  // its end. False when the header is wrong: the stream is then to be closed.
  bool Take(std::string_view bytes, const Line& line);
  // The writer is gone, or another one has taken over: what is unfinished is a line.
  void Flush(const Line& line);

  bool started() const { return header_lines_ == kHeaderLines; }
  const Header& header() const { return header_; }

 private:
  static constexpr int kHeaderLines = 7;
  bool TakeHeaderLine(std::string_view text);
  void Give(std::string_view text, const Line& line) const;

  Header header_;
  int header_lines_ = 0;
  std::string unfinished_;
};

}  // namespace inro::guest::logs
