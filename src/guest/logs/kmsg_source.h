// The kernel's log, from the oldest record that the kernel still has.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/logs/intake.h"
#include "guest/logs/process_unit.h"
#include "guest/logs/ring.h"

namespace inro::guest::logs {

class KmsgSource {
 public:
  // `device` reads as /dev/kmsg: one record a read, EPIPE when records were overwritten.
  KmsgSource(UniqueFd device, Ring& ring, Intake& intake, ProcessUnits& units)
      : device_(std::move(device)), ring_(ring), intake_(intake), units_(units) {}

  // Takes some records. True when there may be more at once; false when it has all, or the device
  // is broken (see broken()).
  bool Read();
  int fd() const { return device_.get(); }
  bool broken() const { return broken_; }

 private:
  void Take(std::string_view bytes);

  UniqueFd device_;
  Ring& ring_;
  Intake& intake_;
  ProcessUnits& units_;
  bool broken_ = false;
};

}  // namespace inro::guest::logs
