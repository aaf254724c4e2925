#include "guest/trace/unit_watch.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::guest::trace {
namespace {

constexpr const char* kTableFolder = "/run/inro";
constexpr const char* kTablePath = "/run/inro/units.tsv";
constexpr const char* kBusPath = "/run/systemd/private";
constexpr std::size_t kTableLimit = std::size_t{4} << 20;
constexpr std::size_t kMostUnits = 10'000;
constexpr std::chrono::milliseconds kSettle{20};
constexpr std::chrono::milliseconds kAgain{2000};

Result<std::string> Show(const std::vector<std::string>& words) {
  std::vector<std::string> command{"/usr/bin/systemctl", "show", "--no-pager"};
  command.insert(command.end(), words.begin(), words.end());
  sys::RunOptions options;
  options.timeout = std::chrono::seconds(30);  // a busy host
  return sys::RunOrFail(command, options);
}

Result<UniqueFd> ConnectBus() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, kBusPath);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (!socket || ::connect(socket.get(), name, sizeof address) != 0) {
    return FailErrno("connect to {}", kBusPath);
  }
  INRO_TRY(sys::WriteAll(socket.get(), BusGreeting(), kBusPath));
  return socket;
}

}  // namespace

UnitWatch::~UnitWatch() {
  EndWatch();
  loop_.Cancel(timer_);
}

void UnitWatch::EndWatch() {
  if (watch_ != 0) loop_.Unwatch(watch_);
  watch_ = 0;
  source_.reset();
}

Result<> UnitWatch::Begin() {
  systemd_ = sys::ReadFile("/proc/1/comm").value_or("") == "systemd\n";
  auto begun = systemd_ ? BeginBus() : BeginTable();
  if (!begun) Later();
  return begun;
}

void UnitWatch::Later() {
  EndWatch();
  loop_.Cancel(timer_);
  timer_ = loop_.At(wire::Loop::Clock::now() + kAgain, [this] {
    timer_ = 0;
    if (const auto begun = Begin(); !begun) {
      std::fprintf(stderr, "inro-trace: units: %s\n", begun.error().ToString().c_str());
    }
  });
}

Result<> UnitWatch::BeginTable() {
  source_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!source_) return FailErrno("inotify");
  if (::inotify_add_watch(source_.get(), kTableFolder, IN_MOVED_TO) < 0) {
    return FailErrno("watch {}", kTableFolder);
  }
  watch_ = loop_.Watch(source_.get(), EPOLLIN, [this](std::uint32_t) {
    std::array<char, 4096> events;
    while (::read(source_.get(), events.data(), events.size()) > 0) {
    }
    // The table is written again and again while units start: one look for several writes.
    if (timer_ != 0) return;
    timer_ = loop_.At(wire::Loop::Clock::now() + kSettle, [this] {
      timer_ = 0;
      Look();
    });
  });
  if (watch_ == 0) return Fail("inotify cannot be watched");
  // Not there yet is no error: its appearance is an event.
  Look();
  return {};
}

Result<> UnitWatch::ReadTable() {
  INRO_ASSIGN(const std::string text, sys::ReadFile(kTablePath, kTableLimit));
  changed_(ParseUnitsTsv(text));
  return {};
}

void UnitWatch::Look() {
  if (systemd_) {
    if (source_) ReadBus();
  } else {
    (void)ReadTable();
  }
}

Result<> UnitWatch::BeginBus() {
  // Listening first: nothing falls between the look and the signals.
  INRO_ASSIGN(source_, ConnectBus());
  bus_ = BusReader();
  INRO_ASSIGN(const std::string text, Show({"--property=" + UnitProperties(), "*"}));
  std::vector<UnitTimes> units = ParseUnitShow(text);
  units_.clear();
  for (const UnitTimes& unit : units) units_.emplace(unit.name, unit);
  changed_(units);
  watch_ = loop_.Watch(source_.get(), EPOLLIN, [this](std::uint32_t) { ReadBus(); });
  if (watch_ == 0) return Fail("the bus cannot be watched");
  return {};
}

void UnitWatch::ReadBus() {
  std::array<char, 16384> bytes;
  while (true) {
    const ssize_t got = ::recv(source_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    std::vector<UnitChange> changes;
    if (got <= 0 || !bus_.Take({bytes.data(), static_cast<std::size_t>(got)}, changes)) {
      return Later();
    }
    std::vector<UnitTimes> units;
    for (const UnitChange& change : changes) {
      if (units_.size() >= kMostUnits && !units_.contains(change.unit)) continue;
      UnitTimes& unit = units_[change.unit];
      unit.name = change.unit;
      for (const auto& [name, value] : change.properties) SetProperty(unit, name, value);
      units.push_back(unit);
    }
    if (!units.empty()) changed_(units);
  }
}

std::vector<BootStep> UnitWatch::ManagerSteps() const {
  if (!systemd_) return {};
  const auto text = Show({"--property=" + ManagerProperties()});
  return text ? StepsOf(ParseManagerShow(*text)) : std::vector<BootStep>();
}

}  // namespace inro::guest::trace
