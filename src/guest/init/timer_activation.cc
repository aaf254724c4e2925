#include "guest/init/timer_activation.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "guest/init/unit_run.h"

namespace inro::guest {
namespace {

// The zone is a file that somebody links anew now and then: looking is enough.
constexpr Time kZoneCheck{5'000'000};

std::int64_t ModificationTime(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1000;
}

std::uint64_t HashOf(std::string_view text) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace

TimerActivation::TimerActivation(UnitStarter& starter, KernelLog& log, int epoll,
                                 TimerFolders folders)
    : starter_(starter),
      log_(log),
      epoll_(epoll),
      folders_(std::move(folders)),
      startup_(starter.Now()) {}

const unit::TimerSettings* TimerActivation::SettingsOf(const Timer& timer) const {
  const UnitRun* run = starter_.Find(timer.name);
  return run == nullptr ? nullptr : run->unit->timer.get();
}

Result<> TimerActivation::Activate(const unit::Unit& unit) {
  if (timers_.contains(unit.name) || unit.triggers.empty()) return {};
  auto timer = std::make_unique<Timer>();
  timer->name = unit.name;
  timer->unit = unit.triggers.front();
  timer->moments.startup = startup_;
  timer->moments.activated = starter_.Now();
  timer->moments.activated_wall = starter_.WallClock();
  if (unit.timer->persistent) ReadStamp(*timer);
  timer->random_delay = RandomDelay(*timer, *unit.timer);
  if (!unit.timer->calendar.empty() || unit.timer->on_clock_change) WatchClock();
  if (unit.timer->on_timezone_change && zone_check_ == kNever) {
    zone_stamp_ = ZoneStamp();
    zone_check_ = starter_.Now() + kZoneCheck;
  }
  by_unit_.emplace(timer->unit, timer.get());
  changed_.insert(unit.name);
  timers_[unit.name] = std::move(timer);
  return {};
}

void TimerActivation::Deactivate(const unit::Unit& unit) {
  const auto found = timers_.find(unit.name);
  if (found == timers_.end()) return;
  std::erase_if(by_unit_, [&](const auto& entry) { return entry.second == found->second.get(); });
  changed_.erase(unit.name);
  timers_.erase(found);
  list_changed_ = true;
}

void TimerActivation::UnitChanged(const UnitRun& run) {
  if (timers_.contains(run.unit->name)) changed_.insert(run.unit->name);
  for (auto [at, end] = by_unit_.equal_range(run.unit->name); at != end; ++at) {
    changed_.insert(at->second->name);
    if (!run.IsDown()) at->second->began = true;
  }
}

std::string TimerActivation::StampPath(const Timer& timer) const {
  return fmt::format("{}/stamp-{}", folders_.stamps, timer.name);
}

// The file's time is when it elapsed last. Without one it counts from now on.
void TimerActivation::ReadStamp(Timer& timer) {
  struct stat status{};
  if (::stat(StampPath(timer).c_str(), &status) == 0) {
    const std::int64_t stamp = ModificationTime(status);
    // A stamp of the future says that the clock was wrong, then or now.
    if (stamp <= timer.moments.wall || stamp <= starter_.WallClock()) {
      timer.moments.last_wall = stamp;
    }
    return;
  }
  WriteStamp(timer);
}

void TimerActivation::WriteStamp(const Timer& timer) {
  const std::string path = StampPath(timer);
  for (std::size_t at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1)) {
    ::mkdir(path.substr(0, at).c_str(), 0755);
  }
  const UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
  const std::int64_t wall =
      timer.moments.last_wall != 0 ? timer.moments.last_wall : timer.moments.activated_wall;
  timespec times[2];
  times[0].tv_sec = times[1].tv_sec = wall / 1'000'000;
  times[0].tv_nsec = times[1].tv_nsec = wall % 1'000'000 * 1000;
  if (!fd || ::futimens(fd.get(), times) != 0) {
    log_.Warning("{}: {}: {}", timer.name, path, std::strerror(errno));
  }
}

Time TimerActivation::RandomDelay(const Timer& timer, const unit::TimerSettings& settings) const {
  if (settings.randomized_delay.count() <= 0) return Time(0);
  std::uint64_t number = 0;
  if (settings.fixed_random_delay) {
    number = HashOf(timer.name);
  } else if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
    number = HashOf(timer.name) ^ static_cast<std::uint64_t>(starter_.Now().count());
  }
  return Time(static_cast<std::int64_t>(
      number % static_cast<std::uint64_t>(settings.randomized_delay.count())));
}

void TimerActivation::WatchClock() {
  if (clock_) return;
  clock_.reset(::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!clock_) return;
  itimerspec far{};
  far.it_value.tv_sec = std::numeric_limits<std::int32_t>::max();
  ::timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, nullptr);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = clock_.get();
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, clock_.get(), &event);
}

bool TimerActivation::OnReadable(int fd) {
  if (!clock_ || fd != clock_.get()) return false;
  std::uint64_t count = 0;
  const bool read = ::read(fd, &count, sizeof count) == sizeof count;
  if (!read && errno == EAGAIN) return true;
  ClockWasSet();
  // A timer that was canceled has to be set again.
  clock_.reset();
  WatchClock();
  return true;
}

void TimerActivation::ClockWasSet() {
  const std::int64_t wall = starter_.WallClock();
  std::vector<std::string> names;
  for (const auto& [name, timer] : timers_) names.push_back(name);
  for (const std::string& name : names) {
    const auto found = timers_.find(name);
    if (found == timers_.end()) continue;
    Timer& timer = *found->second;
    // It seems to have elapsed in the future: the clock was set back.
    timer.moments.last_wall = std::min(timer.moments.last_wall, wall);
    timer.moments.activated_wall = std::min(timer.moments.activated_wall, wall);
    if (timer.running) continue;
    const unit::TimerSettings* settings = SettingsOf(timer);
    if (settings != nullptr && settings->on_clock_change) {
      Elapse(timer);
    } else {
      Schedule(timer, true);
    }
  }
}

std::int64_t TimerActivation::ZoneStamp() const {
  struct stat status{};
  if (::lstat(folders_.zone.c_str(), &status) != 0) return 0;
  return ModificationTime(status);
}

void TimerActivation::Schedule(Timer& timer, bool clock_was_set) {
  const unit::TimerSettings* settings = SettingsOf(timer);
  if (settings == nullptr) return;
  const UnitRun* unit = starter_.Find(timer.unit);
  timer.running = false;
  timer.moments.now = starter_.Now();
  timer.moments.wall = starter_.WallClock();
  timer.moments.unit_active = unit == nullptr ? Time(0) : unit->started;
  timer.moments.unit_inactive = unit == nullptr ? Time(0) : unit->inactive;
  const NextElapse next = ComputeNextElapse(*settings, timer.moments);
  timer.deadline = kNever;
  timer.wall.reset();
  if (next.monotonic) timer.deadline = *next.monotonic + timer.random_delay;
  if (next.wall) {
    const std::int64_t wall = *next.wall + timer.random_delay.count();
    const Time at = timer.moments.now + Time(std::max<std::int64_t>(wall - timer.moments.wall, 0));
    if (at < timer.deadline) {
      timer.deadline = at;
      timer.wall = wall;
    }
  }
  list_changed_ = true;
  if (timer.deadline != kNever || settings->on_clock_change || settings->on_timezone_change) {
    return starter_.SetSub(timer.name, "waiting");
  }
  starter_.SetSub(timer.name, "elapsed");
  const bool unit_is_up = unit != nullptr && !unit->IsDown();
  if (settings->remain_after_elapse || unit_is_up || clock_was_set) return;
  static_cast<void>(starter_.StopUnit(timer.name));
}

void TimerActivation::Elapse(Timer& timer) {
  if (starter_.Stopping()) return;
  const unit::TimerSettings* settings = SettingsOf(timer);
  if (settings == nullptr) return;
  timer.moments.last = starter_.Now();
  timer.moments.last_wall = starter_.WallClock();
  timer.deadline = kNever;
  timer.wall.reset();
  timer.running = true;
  timer.began = false;
  timer.random_delay = RandomDelay(timer, *settings);
  list_changed_ = true;
  if (settings->persistent) WriteStamp(timer);
  const std::string name = timer.name;
  const auto job = starter_.StartUnit(timer.unit);
  const auto found = timers_.find(name);
  if (found == timers_.end()) return;
  if (!job) {
    return starter_.FailUnit(
        name, "resources",
        fmt::format("{} cannot be started: {}", found->second->unit, job.error().ToString()));
  }
  found->second->job = *job;
  starter_.SetSub(name, "running");
  changed_.insert(name);
}

void TimerActivation::Look(Timer& timer) {
  const UnitRun* own = starter_.Find(timer.name);
  if (own == nullptr || own->phase != UnitPhase::kActive || starter_.Stopping()) return;
  if (!timer.running) return Schedule(timer, false);
  if (timer.job != 0 && starter_.IsPending(timer.job)) return;
  timer.job = 0;
  const UnitRun* unit = starter_.Find(timer.unit);
  if (unit == nullptr || (unit->IsDown() && !unit->job)) Schedule(timer, false);
}

void TimerActivation::Settle() {
  const Time now = starter_.Now();
  for (const auto& [name, timer] : timers_) {
    if (timer->job != 0 && !starter_.IsPending(timer->job)) changed_.insert(name);
  }
  for (const std::string& name : std::exchange(changed_, {})) {
    if (const auto found = timers_.find(name); found != timers_.end()) Look(*found->second);
  }
  std::vector<std::string> due;
  for (const auto& [name, timer] : timers_) {
    if (timer->deadline <= now) due.push_back(name);
  }
  if (now >= zone_check_) {
    zone_check_ = now + kZoneCheck;
    if (zone_stamp_ != ZoneStamp()) {
      zone_stamp_ = ZoneStamp();
      for (const auto& [name, timer] : timers_) {
        const unit::TimerSettings* settings = SettingsOf(*timer);
        const bool wants = settings != nullptr && settings->on_timezone_change;
        if (wants && std::ranges::count(due, name) == 0) due.push_back(name);
      }
    }
  }
  for (const std::string& name : due) {
    const auto found = timers_.find(name);
    if (found == timers_.end() || found->second->running) continue;
    Timer& timer = *found->second;
    // The wall clock is slewed: a deadline on the other clock may come early.
    if (timer.wall && starter_.WallClock() < *timer.wall && timer.deadline <= now) {
      Schedule(timer, false);
    } else {
      Elapse(timer);
    }
  }
  WriteList();
}

Time TimerActivation::NextDeadline() const {
  Time next = zone_check_;
  for (const auto& [name, timer] : timers_) next = std::min(next, timer->deadline);
  return next;
}

// Name, the unit, next and last: of the monotonic and the wall clock, in microseconds; 0 for none.
void TimerActivation::WriteList() {
  if (!std::exchange(list_changed_, false) || folders_.list.empty()) return;
  std::string text = "timer\tunit\tnext_us\tlast_us\tlast_wall_us\n";
  for (const auto& [name, timer] : timers_) {
    text += fmt::format("{}\t{}\t{}\t{}\t{}\n", name, timer->unit,
                        timer->deadline == kNever ? 0 : timer->deadline.count(),
                        timer->moments.last.count(), timer->moments.last_wall);
  }
  const std::string temporary = folders_.list + ".new";
  {
    const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return;
    }
  }
  static_cast<void>(::rename(temporary.c_str(), folders_.list.c_str()) == 0);
}

}  // namespace inro::guest
