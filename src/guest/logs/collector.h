// The collector: all sources, the ring and the readers on one loop, on one thread.
//
// States: *collecting* -> (Finish) *ending*: sources are read until they have been quiet for a
// moment, then readers get what they lack and are hung up on -> over. Both steps are bounded in
// time, so that an end of the guest is never held up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "guest/logs/datagram_source.h"
#include "guest/logs/endpoints.h"
#include "guest/logs/intake.h"
#include "guest/logs/kmsg_source.h"
#include "guest/logs/process_unit.h"
#include "guest/logs/readers.h"
#include "guest/logs/ring.h"
#include "guest/logs/stdout_source.h"
#include "wire/loop.h"

namespace inro::guest::logs {

struct CollectorSettings {
  IntakeSettings intake;
  std::string state_path;       // empty: no state is shown
  std::string syslog_path;      // of a syslog daemon of the guest's own; empty: none
  std::uint32_t host_port = 0;  // vsock port of the readers on the host, for the state; 0: none
  std::chrono::milliseconds quiet{50};           // no record for so long: all is collected
  std::chrono::milliseconds collect_limit{700};  // of the first step of the end
  std::chrono::milliseconds flush_limit{1300};   // of the second
};

class Collector {
 public:
  Collector(wire::Loop& loop, Ring ring, const CollectorSettings& settings);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector();

  // `kmsg` may be invalid: then the kernel's log is not collected.
  void Begin(Endpoints endpoints, UniqueFd kmsg);
  // Calls `done` on the loop when the end is reached.
  void Finish(std::function<void()> done);

  Intake& intake() { return intake_; }
  const Ring& ring() const { return ring_; }
  const Readers& readers() const { return readers_; }
  bool caught_up() const { return caught_up_; }  // the kernel's old records are in

 private:
  void WatchDatagrams(UniqueFd socket, DatagramSource::Protocol protocol);
  void Listen(UniqueFd listener, std::function<void(UniqueFd)> take);
  void Accept(int listener, const std::function<void(UniqueFd)>& take);
  void ReadKmsg();
  void Changed();
  void AfterRound();
  void WriteState();
  void SayUnforwarded();
  void Settle(wire::Loop::Clock::time_point limit, std::function<void()> done);
  void Flush(std::function<void()> done);
  std::string StateText() const;

  wire::Loop& loop_;
  const CollectorSettings settings_;
  Ring ring_;
  ProcessUnits units_;
  Intake intake_;
  Readers readers_;
  SyslogForwarder forwarder_;
  StdoutSource stdout_;
  std::optional<KmsgSource> kmsg_;
  std::vector<std::unique_ptr<DatagramSource>> datagrams_;
  std::vector<UniqueFd> listeners_;
  std::vector<wire::Loop::Token> watches_;
  wire::Loop::Token kmsg_watch_ = 0;
  wire::Loop::Token drop_timer_ = 0;
  wire::Loop::Token state_timer_ = 0;
  wire::Loop::Clock::time_point forward_said_{};  // when a loss of the daemon's was last said
  bool round_posted_ = false;
  bool caught_up_ = false;
  std::uint64_t refused_peers_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what was posted
};

}  // namespace inro::guest::logs
