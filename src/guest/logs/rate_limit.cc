#include "guest/logs/rate_limit.h"

#include <algorithm>

namespace inro::guest::logs {

void RateLimit::Close(Sender& sender, const Report& report) {
  if (sender.dropped > 0) report(sender.name, sender.dropped);
  sender.dropped = 0;
  sender.count = 0;
}

RateLimit::Verdict RateLimit::Judge(std::string_view name, std::uint64_t now_us,
                                    const Report& report) {
  if (burst_ == 0) return Verdict::kTake;
  if (senders_[last_].name != name || senders_[last_].last_us == 0) {
    std::size_t oldest = 0;
    std::size_t at = 0;
    for (; at < senders_.size(); ++at) {
      if (senders_[at].last_us != 0 && senders_[at].name == name) break;
      if (senders_[at].last_us < senders_[oldest].last_us) oldest = at;
    }
    if (at == senders_.size()) {
      at = oldest;
      Close(senders_[at], report);
      senders_[at].name = name;
      senders_[at].begin_us = now_us;
    }
    last_ = at;
  }
  Sender& sender = senders_[last_];
  sender.last_us = std::max<std::uint64_t>(now_us, 1);
  if (now_us - sender.begin_us >= kInterval) {
    Close(sender, report);
    sender.begin_us = now_us;
  }
  if (sender.count < burst_) {
    ++sender.count;
    return Verdict::kTake;
  }
  ++dropped_;
  return ++sender.dropped == 1 ? Verdict::kDropFirst : Verdict::kDrop;
}

void RateLimit::OnTime(std::uint64_t now_us, const Report& report) {
  for (Sender& sender : senders_) {
    if (sender.dropped == 0 || now_us - sender.begin_us < kInterval) continue;
    Close(sender, report);
    sender.begin_us = now_us;
  }
}

std::uint64_t RateLimit::NextDue() const {
  std::uint64_t next = 0;
  for (const Sender& sender : senders_) {
    if (sender.dropped == 0) continue;
    const std::uint64_t due = sender.begin_us + kInterval;
    if (next == 0 || due < next) next = due;
  }
  return next;
}

}  // namespace inro::guest::logs
