#include "guest/logs/logs_role.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "guest/logs/collector.h"
#include "guest/logs/endpoints.h"
#include "guest/logs/fd_store.h"
#include "protocol/kernel_parameter.h"
#include "sys/file.h"
#include "sys/notify.h"

namespace inro::guest::logs {
namespace {

constexpr std::string_view kRingName = "ring";
constexpr std::string_view kStateFolder = "/run/inro/state";
constexpr std::string_view kMarker = "/run/inro/logs.started";

std::uint8_t PriorityOf(protocol::LogLevel level) {
  switch (level) {
    case protocol::LogLevel::kTrace:
      return kPriorityTrace;
    case protocol::LogLevel::kDebug:
      return kPriorityDebug;
    case protocol::LogLevel::kInfo:
      return kPriorityInfo;
    case protocol::LogLevel::kWarn:
      return kPriorityWarning;
    case protocol::LogLevel::kError:
      return 3;
    case protocol::LogLevel::kCritical:
      return 2;
  }
  return kPriorityInfo;
}

struct OpenedRing {
  Ring ring;
  std::string word;  // what there is to say about it
};

Result<OpenedRing> OpenRing(UniqueFd kept, std::size_t capacity, bool again) {
  std::string trouble;
  if (kept) {
    auto ring = Ring::Adopt(std::move(kept));
    if (ring) {
      const std::uint64_t records = ring->kept();
      return OpenedRing{std::move(*ring),
                        fmt::format("the collector was started again; {} records kept", records)};
    }
    trouble = ring.error().ToString();
  }
  INRO_ASSIGN(Ring ring, Ring::Create(capacity));
  (void)StoreDescriptor(ring.file(), kRingName);
  if (!again) return OpenedRing{std::move(ring), ""};
  return OpenedRing{std::move(ring), fmt::format("the collector was started again; what was only "
                                                 "in its memory is lost{}{}",
                                                 trouble.empty() ? "" : ": ", trouble)};
}

// The unit starts it at the lowest priority, so that the agent comes up first.
void TakeNormalPriority() { ::setpriority(PRIO_PROCESS, 0, 0); }

Result<> Serve(const std::string& root) {
  const std::string line = sys::ReadFile("/proc/cmdline").value_or("");
  const protocol::KernelCommandLine parameters(line);
  INRO_ASSIGN(const std::unique_ptr<wire::Loop> loop, wire::Loop::Create());

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const UniqueFd signals(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return FailErrno("open a signalfd");

  Endpoints endpoints = TakePassedDescriptors();
  const bool again = sys::Exists(root + std::string(kMarker));
  const auto port = static_cast<std::uint32_t>(parameters.Number("agent.log_vport"));
  const std::vector<std::string> problems =
      BindMissing({.root = root, .log_port = port}, endpoints);
  INRO_ASSIGN(OpenedRing opened,
              OpenRing(std::move(endpoints.ring), parameters.Number("inro.log_ring") << 10, again));
  (void)sys::WriteFile(root + std::string(kMarker), "");
  (void)sys::MakeDirectories(root + std::string(kStateFolder));

  CollectorSettings settings;
  settings.intake.rate_burst = parameters.Number("inro.log_rate");
  settings.intake.agent_threshold = PriorityOf(parameters.Level("agent.log"));
  settings.state_path = root + std::string(kStateFolder) + "/logs.json";
  settings.syslog_path = root + SyslogForwarder::kPath;
  if (!endpoints.remote_listeners.empty()) settings.host_port = port;
  Collector collector(*loop, std::move(opened.ring), settings);
  if (!opened.word.empty()) collector.intake().Say(kPriorityWarning, opened.word);
  for (const std::string& problem : problems) collector.intake().Say(kPriorityWarning, problem);

  UniqueFd kmsg(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!kmsg)
    collector.intake().Say(kPriorityWarning, FailErrno("open /dev/kmsg").error().ToString());
  collector.Begin(std::move(endpoints), std::move(kmsg));
  (void)sys::Notify("READY=1");
  loop->At(wire::Loop::Clock::now() + std::chrono::milliseconds(200), TakeNormalPriority);
  loop->Watch(signals.get(), EPOLLIN, [&](std::uint32_t) {
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) != sizeof info) return;
    (void)sys::Notify("STOPPING=1");
    collector.Finish([&] { loop->Stop(); });
  });
  loop->Run();
  ::unlink((root + std::string(kMarker)).c_str());
  return {};
}

}  // namespace

int RunLogs(int, char**) {
  // For measurements beside another collector: every path below another folder.
  const char* root = std::getenv("INRO_LOGS_ROOT");
  const auto served = Serve(root == nullptr ? "" : root);
  if (served) return 0;
  std::fprintf(stderr, "inro-logs: %s\n", served.error().ToString().c_str());
  return 1;
}

}  // namespace inro::guest::logs
