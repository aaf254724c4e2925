#include "guest/init/main_loop.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "guest/init/launcher.h"
#include "guest/init/notify_socket.h"
#include "guest/init/state_file.h"
#include "guest/init/supervisor.h"

namespace inro::guest {
namespace {

Time Now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return Time(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
}

constexpr Time kFirstUnitLead{1'000'000};

int MillisecondsUntil(Time deadline, Time now) {
  if (deadline == kNever) return -1;
  constexpr std::int64_t kMost = 3'600'000;
  const std::int64_t left = ((deadline - now).count() + 999) / 1000;
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kMost));
}

void Watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

class Loop {
 public:
  Loop(const MainLoopSettings& settings, const sys::FileSource& files,
       const unit::KernelCommandLine& line, const ControlGroups& groups, KernelLog& log)
      : files_(files),
        log_(log),
        groups_(groups),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        output_(log, epoll_.get()),
        loader_(files, settings.loader),
        launcher_(files, line, groups, output_, log,
                  {settings.notify_path, settings.environment, settings.directory_root}),
        supervisor_(launcher_, loader_),
        state_(settings.state_path) {
    sigset_t all;
    sigfillset(&all);
    signals_.reset(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    Watch(epoll_.get(), signals_.get());
    if (auto socket = NotifySocket::Bind(settings.notify_path)) {
      notify_.emplace(std::move(*socket));
      Watch(epoll_.get(), notify_->fd());
    } else {
      log_.Error("{}", socket.error().ToString());
    }
  }

  void StartFirst(const MainLoopSettings& settings) {
    if (!WantsDirectly(settings.loader.search_path, loader_.ResolveAlias(settings.target),
                       settings.first_unit)) {
      return;
    }
    unit::Unit* first = loader_.Load(settings.first_unit);
    if (first == nullptr || first->state != unit::LoadState::kLoaded || !WaitsForNothing(*first)) {
      return;
    }
    unit::Transaction alone;
    alone.jobs.push_back({first, {}, {}, true});
    supervisor_.Start(alone, Now());
    // It has the processors for itself until it is up; a slow one does not hold up the rest.
    const Time limit = Now() + kFirstUnitLead;
    const UnitRun* run = supervisor_.Find(first->name);
    while (!request_ && run->job == UnitRun::JobState::kRunning && Now() < limit) Step(limit);
  }

  void StartUnits(const MainLoopSettings& settings) {
    if (request_) return;  // the end has been asked for already
    if (!StartUnit(settings.target) && settings.target != settings.fallback_target) {
      StartUnit(settings.fallback_target);
    }
    for (const std::string& name : settings.also_start) StartUnit(name);
  }

  PowerRequest Run() {
    while (!Ended()) {
      state_.Update(supervisor_, Now());
      Step(kNever);
    }
    state_.Update(supervisor_, Now() + StateFile::kMinInterval);
    return *request_;
  }

 private:
  bool WantsDirectly(const std::vector<std::string>& folders, const std::string& target,
                     const std::string& name) const {
    return std::ranges::any_of(folders, [&](const std::string& folder) {
      return files_.TypeOf(fmt::format("{}/{}.wants/{}", folder, target, name)) !=
             sys::FileSource::Type::kAbsent;
    });
  }

  // What it wants may start later; what it comes before waits for it all the same.
  static bool WaitsForNothing(const unit::Unit& unit) {
    return !unit.default_dependencies && unit.after.empty() && unit.requires_.empty() &&
           unit.requisite.empty() && unit.binds_to.empty();
  }

  bool StartUnit(const std::string& name) {
    auto transaction = unit::BuildTransaction(loader_, name);
    for (const unit::Finding& finding : loader_.TakeFindings()) {
      const bool loud = finding.kind == unit::FindingKind::kError;
      // What is not enforced was said when the image was built.
      if (loud || finding.kind == unit::FindingKind::kWarning) {
        log_.Write(loud ? LogLevel::kError : LogLevel::kWarning, ToString(finding));
      }
    }
    if (!transaction) {
      log_.Error("{}: cannot be started: {}", name, transaction.error().ToString());
      return false;
    }
    supervisor_.Start(*transaction, Now());
    return true;
  }

  bool Ended() const {
    if (!request_) return false;
    return request_->urgency != PowerUrgency::kOrderly || supervisor_.AllStopped();
  }

  // One wake, at the latest at `limit`.
  void Step(Time limit) {
    const Time before = Now();
    const Time deadline = std::min({limit, supervisor_.NextDeadline(), output_.NextDeadline(),
                                    state_.NextDeadline(supervisor_)});
    std::array<epoll_event, 16> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(),
                                   MillisecondsUntil(deadline, before));
    Reap();
    const Time now = Now();
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == signals_.get()) {
        ReadSignals(now);
      } else if (notify_ && fd == notify_->fd()) {
        ReadNotifications(now);
      } else {
        output_.OnReadable(fd, now);
      }
    }
    output_.OnTime(now);
    supervisor_.OnTime(now);
    if (const auto action = RequestOfAction(supervisor_.requested_action())) Ask(*action, now);
  }

  // Zombies go first; then what they may have said before they ended; then their end counts. In
  // rounds of a fixed size, so that a storm of orphans costs no memory.
  void Reap() {
    struct Ended {
      pid_t pid;
      int status;
    };
    std::array<Ended, 128> ended;
    for (int round = 0; round < 64; ++round) {
      std::size_t count = 0;
      while (count < ended.size()) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG | __WALL);
        if (pid <= 0) break;
        ended[count++] = {pid, status};
      }
      if (count == 0) return;
      const Time now = Now();
      ReadNotifications(now);
      for (std::size_t i = 0; i < count; ++i) {
        supervisor_.OnExit(ended[i].pid, ended[i].status, now);
      }
      if (count < ended.size()) return;
    }
  }

  void ReadNotifications(Time now) {
    constexpr int kMost = 64;  // the rest wakes the next round
    for (int i = 0; notify_ && i < kMost; ++i) {
      const auto received = notify_->Receive();
      if (!received) return;
      supervisor_.OnNotify(received->sender, groups_.UnitOf(received->sender), received->message,
                           now);
    }
  }

  void ReadSignals(Time now) {
    std::array<signalfd_siginfo, 8> records;
    const ssize_t size = ::read(signals_.get(), records.data(), sizeof records);
    for (std::size_t i = 0; size > 0 && i < static_cast<std::size_t>(size) / sizeof records[0];
         ++i) {
      const int signal = static_cast<int>(records[i].ssi_signo);
      if (signal == SIGCHLD) continue;
      if (const auto request = RequestOfSignal(signal)) {
        log_.Info("signal {} from process {}", signal, records[i].ssi_pid);
        Ask(*request, now);
      } else {
        log_.Info("signal {} from process {} is ignored", signal, records[i].ssi_pid);
      }
    }
  }

  // The first request decides what, a more urgent one when.
  void Ask(const PowerRequest& request, Time now) {
    if (!request_) {
      request_ = request;
    } else {
      request_->urgency = std::max(request_->urgency, request.urgency);
    }
    if (request_->urgency == PowerUrgency::kOrderly) supervisor_.RequestStop(now);
  }

  const sys::FileSource& files_;
  KernelLog& log_;
  const ControlGroups& groups_;
  UniqueFd epoll_;
  UniqueFd signals_;
  std::optional<NotifySocket> notify_;
  ServiceOutput output_;
  unit::Loader loader_;
  Launcher launcher_;
  Supervisor supervisor_;
  StateFile state_;
  std::optional<PowerRequest> request_;
};

}  // namespace

void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

PowerRequest RunMainLoop(const MainLoopSettings& settings, const sys::FileSource& files,
                         const unit::KernelCommandLine& line, const ControlGroups& groups,
                         KernelLog& log) {
  Loop loop(settings, files, line, groups, log);
  loop.StartFirst(settings);
  settings.finish_machine();
  loop.StartUnits(settings);
  return loop.Run();
}

}  // namespace inro::guest
