#include "guest/init/power.h"

#include <fcntl.h>
#include <linux/reboot.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "sys/file_source.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

// The C library keeps the kernel's first two real-time signals: SIGRTMIN is 34.
constexpr int kRealTime = 34;

std::int64_t NowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Reaps until there is no child left, or the time is over. False when some are left.
bool ReapAll(int milliseconds) {
  const std::int64_t end = NowMs() + milliseconds;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (true) {
    const pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
    if (pid > 0) continue;
    if (pid < 0 && errno == ECHILD) return true;
    const std::int64_t left = end - NowMs();
    if (left <= 0) return false;
    // SIGCHLD is blocked and stays pending, so that none is lost between the two calls.
    const timespec wait{left / 1000, static_cast<long>(left % 1000) * 1'000'000};
    ::sigtimedwait(&child, nullptr, &wait);
  }
}

// Mount points in the order of mounting, octal escapes resolved.
std::vector<std::string> MountPoints() {
  std::vector<std::string> points;
  const auto text = sys::DiskFileSource().Read("/proc/self/mountinfo", 1 << 20);
  if (!text) return points;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const auto fields = unit::SplitWords(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (fields.size() < 5) continue;
    std::string point;
    for (std::size_t i = 0; i < fields[4].size(); ++i) {
      const auto code = fields[4][i] == '\\'
                            ? unit::ParseNumber<unsigned>(fields[4].substr(i + 1, 3), 8)
                            : std::nullopt;
      point += code ? static_cast<char>(*code) : fields[4][i];
      if (code) i += 3;
    }
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace

std::optional<PowerRequest> RequestOfSignal(int signal) {
  switch (signal) {
    case kRealTime + 3:
      return PowerRequest{PowerKind::kHalt, PowerUrgency::kOrderly};
    case kRealTime + 4:
      return PowerRequest{PowerKind::kPoweroff, PowerUrgency::kOrderly};
    case kRealTime + 5:
    case SIGINT:
      return PowerRequest{PowerKind::kReboot, PowerUrgency::kOrderly};
    case kRealTime + 13:
      return PowerRequest{PowerKind::kHalt, PowerUrgency::kImmediate};
    case kRealTime + 14:
      return PowerRequest{PowerKind::kPoweroff, PowerUrgency::kImmediate};
    case kRealTime + 15:
      return PowerRequest{PowerKind::kReboot, PowerUrgency::kImmediate};
    default:
      return std::nullopt;
  }
}

std::optional<PowerRequest> RequestOfAction(unit::SystemAction action) {
  using unit::SystemAction;
  switch (action) {
    case SystemAction::kNone:
      return std::nullopt;
    case SystemAction::kPoweroff:
    case SystemAction::kExit:
      return PowerRequest{PowerKind::kPoweroff, PowerUrgency::kOrderly};
    case SystemAction::kPoweroffForce:
    case SystemAction::kExitForce:
      return PowerRequest{PowerKind::kPoweroff, PowerUrgency::kForce};
    case SystemAction::kPoweroffImmediate:
      return PowerRequest{PowerKind::kPoweroff, PowerUrgency::kImmediate};
    case SystemAction::kReboot:
      return PowerRequest{PowerKind::kReboot, PowerUrgency::kOrderly};
    case SystemAction::kRebootForce:
      return PowerRequest{PowerKind::kReboot, PowerUrgency::kForce};
    case SystemAction::kRebootImmediate:
      return PowerRequest{PowerKind::kReboot, PowerUrgency::kImmediate};
    case SystemAction::kHalt:
      return PowerRequest{PowerKind::kHalt, PowerUrgency::kOrderly};
    case SystemAction::kHaltForce:
      return PowerRequest{PowerKind::kHalt, PowerUrgency::kForce};
    case SystemAction::kHaltImmediate:
      return PowerRequest{PowerKind::kHalt, PowerUrgency::kImmediate};
  }
  return std::nullopt;
}

void KillEverything(int grace_ms) {
  ::kill(-1, SIGTERM);
  ::kill(-1, SIGCONT);
  if (ReapAll(grace_ms)) return;
  ::kill(-1, SIGKILL);
  ReapAll(1000);
}

void EndSystem(PowerKind kind, bool unmount, KernelLog& log) {
  ::sync();
  if (unmount) {
    const std::vector<std::string> points = MountPoints();
    for (auto point = points.rbegin(); point != points.rend(); ++point) {
      const bool api = *point == "/" || point->starts_with("/proc") || point->starts_with("/sys") ||
                       point->starts_with("/dev");
      if (!api) ::umount2(point->c_str(), UMOUNT_NOFOLLOW);
    }
    ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
    ::sync();
  }
  constexpr unsigned kCommands[] = {RB_POWER_OFF, RB_AUTOBOOT, RB_HALT_SYSTEM};
  constexpr const char* kNames[] = {"powering off", "rebooting", "halting"};
  log.Write(LogLevel::kNotice, kNames[static_cast<int>(kind)]);
  ::reboot(static_cast<int>(kCommands[static_cast<int>(kind)]));
  log.Error("reboot: {}", std::strerror(errno));
}

}  // namespace inro::guest
