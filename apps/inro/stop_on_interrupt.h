// A stop token that Ctrl-C requests, for verbs that end in their own way.
#pragma once

#include <stop_token>

#include "verb.h"

namespace inro::cli {

class StopOnInterrupt {
 public:
  explicit StopOnInterrupt(const Session& session) {
    if (session.interrupt == nullptr) return;
    registration_ = session.interrupt->On([stop = stop_]() mutable {
      stop.request_stop();
      return sys::InterruptOutcome::kEndsByItself;
    });
  }

  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  sys::Interrupt::Registration registration_;
};

}  // namespace inro::cli
