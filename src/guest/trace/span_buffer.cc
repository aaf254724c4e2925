#include "guest/trace/span_buffer.h"

namespace inro::guest::trace {

void SpanBuffer::Add(std::string span) {
  waiting_bytes_ += span.size();
  waiting_.push_back(std::move(span));
  MakeRoom();
}

void SpanBuffer::MakeRoom() {
  while (!waiting_.empty() && (waiting_.size() > kMostSpans || waiting_bytes_ > kMostBytes)) {
    waiting_bytes_ -= waiting_.front().size();
    waiting_.pop_front();
    ++dropped_;
  }
}

const std::vector<std::string>& SpanBuffer::TakeBatch() {
  static const std::vector<std::string> kNone;
  if (!in_flight_.empty()) return kNone;
  std::size_t bytes = 0;
  while (!waiting_.empty() && in_flight_.size() < kBatchSpans && bytes < kBatchBytes) {
    bytes += waiting_.front().size();
    in_flight_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  return in_flight_;
}

void SpanBuffer::Acknowledge() {
  sent_ += in_flight_.size();
  in_flight_.clear();
}

void SpanBuffer::Refuse() {
  refused_ += in_flight_.size();
  in_flight_.clear();
}

void SpanBuffer::Return() {
  while (!in_flight_.empty()) {
    waiting_bytes_ += in_flight_.back().size();
    waiting_.push_front(std::move(in_flight_.back()));
    in_flight_.pop_back();
  }
  MakeRoom();
}

}  // namespace inro::guest::trace
