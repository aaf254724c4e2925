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

#include "guest/init/activator.h"
#include "guest/init/launcher.h"
#include "guest/init/notify_socket.h"
#include "guest/init/request_socket.h"
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
      : settings_(settings),
        files_(files),
        log_(log),
        groups_(groups),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        output_(log, epoll_.get()),
        loader_(files, settings.loader),
        accounts_(files),
        activator_(supervisor_, accounts_, log, epoll_.get(), settings.timers),
        launcher_(files, line, groups, output_, log, SettingsOfLauncher()),
        supervisor_(launcher_, loader_),
        generators_(log, settings.generators, settings.environment),
        state_(settings.state_path, [&log](const std::string& text) { log.Warning("{}", text); }) {
    launcher_.set_activation(&activator_);
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
    if (auto socket = RequestSocket::Bind(settings.request_path, epoll_.get())) {
      requests_.emplace(std::move(*socket));
    } else {
      log_.Error("{}", socket.error().ToString());
    }
    actions_.reload = [this] { return BeginReload(); };
    actions_.power = [this](protocol::InitPower power, int force) { AskForPower(power, force); };
    actions_.flush = [this] { state_.Write(supervisor_); };
  }

  // Before any unit is read: generators may change all of them.
  void RunGenerators() {
    generators_.Start(Now());
    while (generators_.running() && !request_) Step(generators_.NextDeadline());
  }

  void StartFirst() {
    if (!WantsDirectly(settings_.loader.search_path, loader_.ResolveAlias(settings_.target),
                       settings_.first_unit)) {
      return;
    }
    unit::Unit* first = loader_.Load(settings_.first_unit);
    if (first == nullptr || first->state != unit::LoadState::kLoaded || !WaitsForNothing(*first)) {
      return;
    }
    unit::Transaction alone;
    alone.jobs.push_back({first, {}, {}, true, ""});
    supervisor_.Start(alone, Now());
    // It has the processors for itself until it is up; a slow one does not hold up the rest.
    const Time limit = Now() + kFirstUnitLead;
    const UnitRun* run = supervisor_.Find(first->name);
    while (!request_ && run->job && Now() < limit) Step(limit);
  }

  void StartUnits() {
    if (request_) return;  // the end has been asked for already
    if (!Boot(settings_.target) && settings_.target != settings_.fallback_target) {
      Boot(settings_.fallback_target);
    }
    for (const std::string& name : settings_.also_start) Boot(name);
    // Sockets that are up already are to be watched before the next wake, which may never come.
    activator_.Settle();
  }

  PowerRequest Run() {
    while (!Ended()) {
      state_.Update(supervisor_, Now());
      Step(kNever);
    }
    state_.Write(supervisor_);
    return *request_;
  }

 private:
  LauncherSettings SettingsOfLauncher() {
    LauncherSettings settings;
    settings.notify_socket = settings_.notify_path;
    settings.environment = settings_.environment;
    settings.directory_root = settings_.directory_root;
    if (!settings_.loader.facts.boot_id.empty()) settings.boot_id = settings_.loader.facts.boot_id;
    settings.find_unit = [this](const std::string& name) {
      return supervisor_.loader().Load(name);
    };
    return settings;
  }

  bool WantsDirectly(const std::vector<std::string>& folders, const std::string& target,
                     const std::string& name) const {
    return std::ranges::any_of(folders, [&](const std::string& folder) {
      return files_.TypeOf(fmt::format("{}/{}.wants/{}", folder, target, name)) !=
             sys::FileSource::Type::kAbsent;
    });
  }

  // What it wants may start later; what it comes before waits for it all the same.
  static bool WaitsForNothing(const unit::Unit& unit) {
    const auto none = [](const std::vector<std::string>& names) {
      return std::ranges::all_of(names,
                                 [](const std::string& name) { return name.ends_with(".slice"); });
    };
    return !unit.default_dependencies && none(unit.after) && none(unit.requires_) &&
           unit.requisite.empty() && unit.binds_to.empty();
  }

  // What is not enforced was said when the image was built.
  void SayFindings() {
    for (const unit::Finding& finding : supervisor_.loader().TakeFindings()) {
      const bool loud = finding.kind == unit::FindingKind::kError;
      if (loud || finding.kind == unit::FindingKind::kWarning) {
        log_.Write(loud ? LogLevel::kError : LogLevel::kWarning, ToString(finding));
      }
    }
  }

  bool Boot(const std::string& name) {
    const auto job = supervisor_.Boot(name, Now());
    SayFindings();
    if (!job) log_.Error("{}: cannot be started: {}", name, job.error().ToString());
    return bool(job);
  }

  bool Ended() const {
    if (!request_) return false;
    return request_->urgency != PowerUrgency::kOrderly || supervisor_.AllStopped();
  }

  // daemon-reload: generators first, then all units anew.
  Result<JobId> BeginReload() {
    if (reload_ == 0) {
      reload_ = supervisor_.BeginExternalJob();
      if (!generators_.running()) generators_.Start(Now());
    }
    return reload_;
  }

  void FinishReload(Time now) {
    if (reload_ == 0 || generators_.running()) return;
    supervisor_.Reload(std::make_unique<unit::Loader>(files_, settings_.loader), now);
    SayFindings();
    log_.Info("units were read anew");
    supervisor_.EndExternalJob(std::exchange(reload_, 0));
  }

  void AskForPower(protocol::InitPower power, int force) {
    constexpr PowerKind kKinds[] = {PowerKind::kPoweroff, PowerKind::kReboot, PowerKind::kHalt};
    PowerRequest request;
    request.kind = kKinds[static_cast<std::size_t>(power)];
    request.urgency = force == 0   ? PowerUrgency::kOrderly
                      : force == 1 ? PowerUrgency::kForce
                                   : PowerUrgency::kImmediate;
    Ask(request, Now());
  }

  Time NextDeadline(Time limit) const {
    Time next = std::min({limit, supervisor_.NextDeadline(), output_.NextDeadline(),
                          state_.NextDeadline(supervisor_), activator_.NextDeadline(),
                          generators_.NextDeadline()});
    if (requests_) next = std::min(next, requests_->NextDeadline());
    return next;
  }

  // One wake, at the latest at `limit`.
  void Step(Time limit) {
    std::array<epoll_event, 16> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(),
                                   MillisecondsUntil(NextDeadline(limit), Now()));
    Reap();
    const Time now = Now();
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == signals_.get()) {
        ReadSignals(now);
      } else if (notify_ && fd == notify_->fd()) {
        ReadNotifications(now);
      } else if (!(requests_ && requests_->OnReadable(fd, supervisor_, actions_, now)) &&
                 !activator_.OnReadable(fd)) {
        output_.OnReadable(fd, now);
      }
    }
    output_.OnTime(now);
    generators_.OnTime(now);
    supervisor_.OnTime(now);
    FinishReload(now);
    activator_.Settle();
    SayFindings();
    if (requests_) requests_->OnTime(supervisor_, now);
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
        if (!generators_.OnExit(ended[i].pid, ended[i].status)) {
          supervisor_.OnExit(ended[i].pid, ended[i].status, now);
        }
      }
      if (count < ended.size()) return;
    }
  }

  void ReadNotifications(Time now) {
    constexpr int kMost = 64;  // the rest wakes the next round
    for (int i = 0; notify_ && i < kMost; ++i) {
      auto received = notify_->Receive();
      if (!received) return;
      supervisor_.OnNotify(received->sender, groups_.UnitOf(received->sender),
                           std::move(received->message), now);
    }
  }

  void ReadSignals(Time now) {
    std::array<signalfd_siginfo, 8> records;
    const ssize_t size = ::read(signals_.get(), records.data(), sizeof records);
    bool child_ended = false;
    for (std::size_t i = 0; size > 0 && i < static_cast<std::size_t>(size) / sizeof records[0];
         ++i) {
      const int signal = static_cast<int>(records[i].ssi_signo);
      if (signal == SIGCHLD) {
        child_ended = true;
        continue;
      }
      if (signal == SIGHUP) {  // as `systemctl daemon-reload`
        static_cast<void>(BeginReload());
        continue;
      }
      if (const auto request = RequestOfSignal(signal)) {
        log_.Info("signal {} from process {}", signal, records[i].ssi_pid);
        Ask(*request, now);
      } else {
        log_.Info("signal {} from process {} is ignored", signal, records[i].ssi_pid);
      }
    }
    // One that ended after this wake's first look has had its signal read here just now: without a
    // second look it would wait for the next wake, which may never come.
    if (child_ended) Reap();
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

  const MainLoopSettings& settings_;
  const sys::FileSource& files_;
  KernelLog& log_;
  const ControlGroups& groups_;
  UniqueFd epoll_;
  UniqueFd signals_;
  std::optional<NotifySocket> notify_;
  std::optional<RequestSocket> requests_;
  RequestSocket::Actions actions_;
  ServiceOutput output_;
  unit::Loader loader_;
  Accounts accounts_;
  Activator activator_;
  Launcher launcher_;
  Supervisor supervisor_;
  Generators generators_;
  StateFile state_;
  JobId reload_ = 0;
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
  loop.RunGenerators();
  loop.StartFirst();
  settings.finish_machine();
  loop.StartUnits();
  return loop.Run();
}

}  // namespace inro::guest
