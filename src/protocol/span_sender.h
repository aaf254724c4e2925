// How a program of the guest hands in its finished spans: datagrams to the socket of role `trace`.
//
// Never blocks. What the socket does not take (the role is not up yet, or is slow) is kept, oldest
// first, within a limit; beyond it the oldest go, and the next span that is handed in says how many
// were lost ("inro.lost_before"). Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/unique_fd.h"
#include "protocol/trace_message.h"

namespace inro::protocol {

class SpanSender {
 public:
  static constexpr std::size_t kMostSpans = 512;
  static constexpr std::size_t kMostBytes = std::size_t{256} << 10;

  explicit SpanSender(std::string socket = std::string(kTraceSocket))
      : socket_path_(std::move(socket)) {}

  // Times are CLOCK_MONOTONIC in nanoseconds; ids as kTraceSocket says. A span that does not fit
  // into a datagram loses its attributes.
  void Send(Span span);
  // Tries again with what is kept; true when nothing is kept any more.
  bool Flush();

  std::size_t kept() const { return kept_.size(); }
  std::uint64_t lost() const { return lost_; }

 private:
  bool SendOne(const std::string& bytes);

  const std::string socket_path_;
  UniqueFd socket_;
  std::deque<std::string> kept_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t said_lost_ = 0;
};

// CLOCK_MONOTONIC in nanoseconds.
std::uint64_t MonotonicNanoseconds();

}  // namespace inro::protocol
