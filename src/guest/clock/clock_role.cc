#include "guest/clock/clock_role.h"

#include <poll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>

#include "guest/clock/host_reference.h"
#include "guest/clock/keeper.h"
#include "guest/clock/ptp_reference.h"
#include "guest/clock/state_text.h"
#include "protocol/refclock.h"
#include "protocol/time_message.h"
#include "sys/file.h"
#include "sys/notify.h"

namespace inro::guest::clock {
namespace {

constexpr const char* kStateFolder = "/run/inro/state";
constexpr const char* kStatePath = "/run/inro/state/clock.json";
constexpr std::size_t kLargestState = 16 * 1024;

void Say(std::string_view line) {
  std::fprintf(stderr, "inro-clock: %.*s\n", static_cast<int>(line.size()), line.data());
}

// A timer that never fires, but whose read fails with ECANCELED when CLOCK_REALTIME was set
// (timerfd_create(2)).
class JumpWatch {
 public:
  static Result<JumpWatch> Create() {
    JumpWatch watch(UniqueFd(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)));
    if (!watch.timer_) return FailErrno("make a timer");
    INRO_TRY(watch.Arm());
    return watch;
  }

  // Returns when the clock was set, or after `wait` nanoseconds of CLOCK_MONOTONIC.
  void Wait(std::int64_t wait) {
    pollfd polled{.fd = timer_.get(), .events = POLLIN, .revents = 0};
    const std::int64_t milliseconds = std::max<std::int64_t>(wait / kMillisecond, 1);
    if (::poll(&polled, 1, static_cast<int>(milliseconds)) <= 0) return;
    std::uint64_t fired = 0;
    (void)!::read(timer_.get(), &fired, sizeof fired);
    if (const auto armed = Arm(); !armed) Say(armed.error().ToString());
  }

 private:
  explicit JumpWatch(UniqueFd timer) : timer_(std::move(timer)) {}

  Result<> Arm() {
    itimerspec never{};
    never.it_value.tv_sec = std::numeric_limits<std::int32_t>::max() * std::int64_t{4};
    if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                          nullptr) != 0) {
      return FailErrno("watch the clock");
    }
    return {};
  }

  UniqueFd timer_;
};

// chrony starts after this role: what it reads is right now, also when a device came up after role
// `generate` had looked.
void WriteRefclock(bool device) {
  const std::string path = fmt::format("/run/{}", protocol::kRefclockFile);
  const std::string_view line = device ? protocol::kPhcRefclock : protocol::kSockRefclock;
  const auto written = sys::ReadFile(path, 4096);
  if (written && *written == line) return;
  auto made = sys::MakeDirectories(fmt::format("/run/{}", protocol::kChronyFolder));
  if (made) made = sys::WriteFileAtomically(path, line);
  if (!made) Say(made.error().ToString());
}

Result<> Run() {
  SystemClock clock;
  ChronyDaemon chrony{std::string(protocol::kChronySampleSocket),
                      std::string(protocol::kChronyCommandSocket)};
  const std::uint64_t starts = StartsOf(sys::ReadFile(kStatePath, kLargestState).value_or("")) + 1;
  if (starts > 1) Say(fmt::format("started again, for the {}. time", starts));
  if (RunsUnderKvm()) LoadPtpModule();
  Keeper keeper(clock, chrony, Say);
  keeper.AddReference(
      std::make_unique<HostReference>(wire::Address{.kind = wire::Address::Kind::kVsock,
                                                    .cid = wire::kHostCid,
                                                    .port = protocol::kTimePort,
                                                    .path = {}},
                                      clock));
  auto device = PtpReference::Open(clock);
  WriteRefclock(device != nullptr);
  if (device) keeper.AddReference(std::move(device));
  INRO_ASSIGN(JumpWatch watch, JumpWatch::Create());
  INRO_TRY(sys::MakeDirectories(kStateFolder));
  bool ready = false;
  bool written = true;
  while (true) {
    const std::int64_t wait = keeper.Round();
    const auto stored = sys::WriteFileAtomically(kStatePath, StateText(keeper.state(), starts));
    // A full /run is said once, not every four seconds; the clock is kept all the same.
    if (!stored && written) Say(stored.error().ToString());
    written = stored.has_value();
    if (!ready) {
      ready = true;
      if (const auto told = sys::Notify("READY=1"); !told) Say(told.error().ToString());
    }
    watch.Wait(wait);
  }
}

}  // namespace

int RunClock(int, char**) {
  const auto ran = Run();
  if (ran) return 0;
  Say(ran.error().ToString());
  return 1;
}

}  // namespace inro::guest::clock
