// Spans on their way to the host: bounded, oldest first, with one batch in flight.
//
// States of a span: waiting -> in flight -> gone (acknowledged or refused), or back to waiting.
// When the limit is reached the oldest waiting span goes, and is counted; what is in flight stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace inro::guest::trace {

class SpanBuffer {
 public:
  static constexpr std::size_t kMostSpans = 4096;
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  static constexpr std::size_t kBatchSpans = 512;
  static constexpr std::size_t kBatchBytes = std::size_t{256} << 10;

  // An encoded span (kTraceSocket's form).
  void Add(std::string span);

  // Moves the oldest waiting spans into flight and gives them; empty when none waits or a batch is
  // in flight already.
  const std::vector<std::string>& TakeBatch();
  const std::vector<std::string>& in_flight() const { return in_flight_; }
  // The host has the batch.
  void Acknowledge();
  // The host will never take it: it is lost and counted.
  void Refuse();
  // It is to be sent again.
  void Return();

  bool empty() const { return waiting_.empty() && in_flight_.empty(); }
  std::size_t size() const { return waiting_.size() + in_flight_.size(); }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t dropped() const { return dropped_; }  // for want of room
  std::uint64_t refused() const { return refused_; }

 private:
  void MakeRoom();

  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::vector<std::string> in_flight_;
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace inro::guest::trace
