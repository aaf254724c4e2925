#include "guest/control/service_probe.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/scope_guard.h"
#include "base/unique_fd.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::guest::control {
namespace {

constexpr const char* kFolder = "/run/systemd/system/";
constexpr const char* kService = "inro-services-probe.service";
constexpr const char* kSocket = "inro-services-probe.socket";
constexpr const char* kPath = "/run/inro-services-probe.sock";
constexpr const char* kShown = "/run/inro-services-probe/shown";
constexpr std::chrono::seconds kLimit{30};

Result<std::string> Systemctl(std::vector<std::string> words) {
  words.insert(words.begin(), "systemctl");
  return sys::RunOrFail(words, {.timeout = kLimit});
}

std::string Property(const char* unit, const char* name) {
  const auto output =
      sys::Run({"systemctl", "show", "--value", "-p", name, unit}, {.timeout = kLimit});
  std::string text = output ? output->out : "";
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<UniqueFd> Connect() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, kPath);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return FailErrno("connect to {}", kPath);
  }
  return fd;
}

// Waits until `holds` does; false after a while.
template <class F>
bool Wait(F holds) {
  for (int i = 0; i < 200; ++i) {
    if (holds()) return true;
    const timespec pause{0, 50'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return false;
}

Result<> WriteUnits() {
  INRO_TRY(sys::MakeDirectories(kFolder));
  INRO_TRY(sys::WriteFile(std::string(kFolder) + kSocket,
                          fmt::format("[Unit]\nDescription=Probe of services\n"
                                      "[Socket]\nListenStream={}\nFileDescriptorName=probe\n"
                                      "RemoveOnStop=yes\n",
                                      kPath)));
  // Who it is and what it was handed is said by the process itself.
  return sys::WriteFile(
      std::string(kFolder) + kService,
      "[Unit]\nDescription=Probe of services\n"
      "[Service]\nUser=nobody\nRuntimeDirectory=inro-services-probe\n"
      "RuntimeDirectoryPreserve=yes\nEnvironment=PROBE=%n\nRestart=always\nRestartSec=50ms\n"
      // Only what every shell has built in: a guest need not have more.
      "ExecStart=/bin/sh -c 'while read key uid rest; do [ \"$$key\" = Uid: ] && break; done "
      "</proc/self/status; echo \"$$LISTEN_FDS $$LISTEN_FDNAMES $$uid $$PROBE\" "
      ">/run/inro-services-probe/shown; while :; do kill -STOP $$$$; done'\n");
}

void RemoveUnits() {
  static_cast<void>(Systemctl({"stop", kSocket, kService}).has_value());
  for (const char* unit : {kSocket, kService}) {
    static_cast<void>(sys::RemoveAll(std::string(kFolder) + unit).has_value());
  }
  static_cast<void>(sys::RemoveAll("/run/inro-services-probe").has_value());
  static_cast<void>(Systemctl({"daemon-reload"}).has_value());
}

}  // namespace

Result<std::string> ProbeServices() {
  const ScopeGuard cleanup([] { RemoveUnits(); });
  INRO_TRY(WriteUnits());
  INRO_TRY(Systemctl({"daemon-reload"}));
  INRO_TRY(Systemctl({"start", kSocket}));
  if (Property(kService, "ActiveState") != "inactive") {
    return Fail("the service runs before anybody has connected");
  }
  INRO_ASSIGN(const UniqueFd client, Connect());
  const auto pid = [] {
    return static_cast<pid_t>(std::strtol(Property(kService, "MainPID").c_str(), nullptr, 10));
  };
  if (!Wait([&] { return pid() > 1 && sys::Exists(kShown); })) {
    return Fail("a connection did not start the service: {} ({})",
                Property(kService, "ActiveState"), Property(kService, "Result"));
  }
  std::string shown;
  Wait([&] {
    shown = sys::ReadFile(kShown, 4096).value_or("");
    return shown.ends_with('\n');
  });
  while (shown.ends_with('\n')) shown.pop_back();
  if (!shown.starts_with("1 probe ")) return Fail("it was not handed its socket: \"{}\"", shown);
  if (shown.starts_with("1 probe 0 ")) return Fail("it runs as root: \"{}\"", shown);
  if (!shown.ends_with(kService)) return Fail("its environment is wrong: \"{}\"", shown);
  const pid_t first = pid();
  ::kill(first, SIGKILL);
  if (!Wait([&] { return pid() > 1 && pid() != first; })) {
    return Fail("it was not started again after it was killed");
  }
  const pid_t second = pid();
  const std::string restarts = Property(kService, "NRestarts");
  INRO_TRY(Systemctl({"stop", kSocket, kService}));
  if (Property(kService, "ActiveState") != "inactive" || sys::Exists(kPath)) {
    return Fail("it did not stop, or its socket is still there");
  }
  return fmt::format(
      "a user's {} was started by a connection (LISTEN_FDS, FDNAMES, uid, environment: {}), "
      "restarted after SIGKILL (pid {} -> {}, {} restart), stopped and removed",
      kService, shown, first, second, restarts);
}

}  // namespace inro::guest::control
