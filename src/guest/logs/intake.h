// The one way into the ring: what sources bring is limited, recognised, cut and kept here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "guest/logs/field_list.h"
#include "guest/logs/process_unit.h"
#include "guest/logs/rate_limit.h"
#include "guest/logs/record.h"
#include "guest/logs/ring.h"
#include "guest/logs/syslog_forwarder.h"
#include "protocol/log_level_link.h"

namespace inro::guest::logs {

// Both clocks at one moment, in microseconds.
struct Stamp {
  std::uint64_t realtime_us = 0;
  std::uint64_t monotonic_us = 0;
  static Stamp Now();
};

struct IntakeSettings {
  std::uint64_t rate_burst = 10'000;  // per sender in RateLimit::kInterval; 0: no limit
  // Of the agent's lines, less severe ones are left out (agent.log).
  std::uint8_t agent_threshold = kPriorityInfo;
  // Where the init leaves LogLevelMax= of units.
  std::string units_folder{protocol::kUnitsFolder};
};

class Intake {
 public:
  // `changed` is called after each record that the ring took, and when OnTime() has a new moment to
  // be called at. Ring and units must outlive this.
  Intake(Ring& ring, ProcessUnits& units, const IntakeSettings& settings,
         std::function<void()> changed)
      : ring_(ring),
        units_(units),
        settings_(settings),
        limit_(settings.rate_burst),
        changed_(std::move(changed)) {}

  // What Take() takes of syslog, the journal's protocol and services' outputs is given on there.
  void ForwardTo(SyslogForwarder* forwarder) { forwarder_ = forwarder; }

  // Takes a record of a source. The kernel's and the collector's own are not limited.
  void Take(Record record);
  // A record of the collector's own.
  void Say(std::uint8_t priority, std::string_view message, std::string_view fields = {});
  // Says what `limit` dropped in intervals that are over, and gives the monotonic time of the next
  // such moment (0: none).
  std::uint64_t OnTime(std::uint64_t now_us);
  // Says it now: the collector ends.
  void SayDrops();

  std::uint64_t dropped() const { return limit_.dropped(); }

 private:
  void Keep(const Record& record);
  bool IsTooVerbose(const Record& record);  // LogLevelMax= of its unit
  bool TakeAgentLine(const Record& record);
  void ReportDrops(std::string_view sender, std::uint64_t dropped);

  Ring& ring_;
  ProcessUnits& units_;
  const IntakeSettings settings_;
  RateLimit limit_;
  std::function<void()> changed_;
  SyslogForwarder* forwarder_ = nullptr;
  // LogLevelMax= of the unit that wrote last, which is often the one that writes next.
  struct UnitLevel {
    std::string unit;
    int level = kPriorityDebug;
    std::uint64_t until_us = 0;  // monotonic: asked again from then on
  } last_level_;
};

}  // namespace inro::guest::logs
