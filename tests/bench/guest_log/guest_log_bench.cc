// In a guest with systemd-journald: the same writer against journald and against role `logs`, which
// this program starts with sockets of its own (INRO_LOGS_ROOT). Prints lines a second, the
// collector's processor time a line, and its memory, by the medians of some rounds, interleaved.
//
//   guest_log_bench [LINES [ROUNDS]]
//
// A round ends when the kernel says that all that was sent has been received (SIOCOUTQ) and the
// collector has used no processor since. Both keep what they get in memory; journald writes files
// with an index, role `logs` a ring. The role is measured alone, as journald is, and with a reader
// that takes every line as JSON, as the host does.
#include <dirent.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../log_ways.h"
#include "base/unique_fd.h"
#include "sys/file.h"

namespace inro::bench {
namespace {

constexpr const char* kRoleRoot = "/run/inro-log-bench";

struct Subject {
  std::string name;
  std::string root;
  pid_t collector = -1;
  bool own = false;     // started here, for each round anew
  bool reader = false;  // one that takes all
};

struct Measured {
  double lines_per_second = 0;
  double microseconds_per_line = 0;
  double memory_kib = 0;
};

void Sleep(long milliseconds) {
  const timespec time{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  ::nanosleep(&time, nullptr);
}

double Now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The number that `text` begins with, after spaces.
double NumberIn(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return static_cast<double>(number);
}

// Seconds on a processor. A clock of the process itself: precise to the nanosecond.
double ProcessorSeconds(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0) return 0;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double MemoryKib(pid_t pid) {
  const std::string status = sys::ReadFile(fmt::format("/proc/{}/status", pid)).value_or("");
  const std::size_t at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : NumberIn(std::string_view(status).substr(at + 6));
}

pid_t FindProcess(std::string_view comm) {
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return -1;
  pid_t found = -1;
  while (const dirent* entry = ::readdir(folder)) {
    const auto text = sys::ReadFile(fmt::format("/proc/{}/comm", entry->d_name));
    if (text && text->starts_with(comm)) found = static_cast<pid_t>(NumberIn(entry->d_name));
  }
  ::closedir(folder);
  return found;
}

UniqueFd Connect(const std::string& path, int type) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.data(), std::min(path.size(), sizeof to.sun_path - 1));
  for (int attempt = 0; attempt < 200; ++attempt) {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return fd;
    Sleep(50);
  }
  return {};
}

pid_t StartRole(const std::string& root) {
  (void)sys::MakeDirectories(root + "/dev");
  ::unlink((root + "/run/inro/state/logs.json").c_str());
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setenv("INRO_LOGS_ROOT", root.c_str(), 1);
  ::unsetenv("LISTEN_FDS");
  ::execl("/usr/bin/inro-guest", "inro-guest", "logs", nullptr);
  ::_exit(127);
}

pid_t StartReader(const std::string& root) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  const UniqueFd reader = Connect(root + "/run/inro/logs.sock", SOCK_STREAM);
  if (!reader || !sys::WriteAll(reader.get(), "AFTER 0\n", "the collector")) ::_exit(1);
  static char buffer[64 << 10];
  while (::recv(reader.get(), buffer, sizeof buffer, 0) > 0) {
  }
  ::_exit(0);
}

void End(pid_t child) {
  if (child <= 0) return;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

// Until the collector has taken all, and is done with it.
Result<> WaitTaken(int socket, pid_t collector) {
  int waiting = 1;
  while (waiting > 0) {
    if (::ioctl(socket, SIOCOUTQ, &waiting) != 0) return FailErrno("ask a socket what is unread");
    if (waiting > 0) Sleep(1);
  }
  double used = ProcessorSeconds(collector);
  for (int quiet = 0; quiet < 10;) {
    Sleep(2);
    const double now = ProcessorSeconds(collector);
    quiet = now - used < 1e-4 ? quiet + 1 : 0;
    used = now;
  }
  return {};
}

Result<Measured> Round(const Subject& subject, const LogWay& way, int lines) {
  const UniqueFd socket = Connect(subject.root + way.path, way.type);
  if (!socket) return Fail("{}: nobody listens at {}", subject.name, subject.root + way.path);
  if (way.head[0] != 0) INRO_TRY(sys::WriteAll(socket.get(), way.head, "the collector"));
  INRO_TRY(WaitTaken(socket.get(), subject.collector));
  const std::string padding(60, 'x');
  const double used = ProcessorSeconds(subject.collector);
  const double begin = Now();
  double end = begin;
  for (int i = 0; i < lines; ++i) {
    const std::string line = fmt::format("{}line {} {}\n", way.before, i, padding);
    if (::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) {
      return FailErrno("send a line");
    }
  }
  int waiting = 1;
  while (waiting > 0) {
    if (::ioctl(socket.get(), SIOCOUTQ, &waiting) != 0) return FailErrno("ask a socket");
    end = Now();
    if (waiting > 0) Sleep(1);
  }
  INRO_TRY(WaitTaken(socket.get(), subject.collector));
  const double processor = ProcessorSeconds(subject.collector) - used;
  return Measured{.lines_per_second = lines / (end - begin),
                  .microseconds_per_line = processor / lines * 1e6,
                  .memory_kib = MemoryKib(subject.collector)};
}

// The role counts its records: a line that it dropped would make it fast.
Result<> CheckKept(const std::string& root, int lines) {
  constexpr std::string_view kRecords = "\"records\":";
  double records = 0;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::string state = sys::ReadFile(root + "/run/inro/state/logs.json").value_or("");
    const std::size_t at = state.find(kRecords);
    if (at != std::string::npos) {
      records = NumberIn(std::string_view(state).substr(at + kRecords.size()));
    }
    if (records >= lines) return {};
    Sleep(100);
  }
  return Fail("role logs has only {} records of {} lines", records, lines);
}

Result<Measured> OneRound(Subject subject, const LogWay& way, int lines) {
  pid_t reader = -1;
  if (subject.own) {
    subject.collector = StartRole(subject.root);
    if (subject.reader) reader = StartReader(subject.root);
  }
  auto measured = Round(subject, way, lines);
  if (subject.own) {
    if (measured) {
      if (auto kept = CheckKept(subject.root, lines); !kept)
        measured = std::unexpected(kept.error());
    }
    End(reader);
    End(subject.collector);
  }
  return measured;
}

double Median(std::vector<Measured>& rounds, double Measured::* field) {
  std::ranges::sort(rounds, {}, field);
  return rounds[rounds.size() / 2].*field;
}

Result<> Run(int lines, int rounds) {
  const pid_t journald = FindProcess("systemd-journal");
  if (journald < 0) return Fail("systemd-journald does not run here");
  const std::vector<Subject> subjects = {
      {"systemd-journald", "", journald, false, false},
      {"role logs", kRoleRoot, -1, true, false},
      {"role logs, read", kRoleRoot, -1, true, true},
  };
  fmt::print("{} lines of some 90 bytes, median of {} rounds\n", lines, rounds);
  fmt::print("{:8} {:18} {:>10} {:>7} {:>13} {:>7} {:>11} {:>7}\n", "way", "collector", "lines/s",
             "ratio", "CPU us/line", "ratio", "memory KiB", "ratio");
  for (const LogWay& way : kLogWays) {
    std::vector<std::vector<Measured>> all(subjects.size());
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < subjects.size(); ++i) {
        INRO_ASSIGN(const Measured measured, OneRound(subjects[i], way, lines));
        all[i].push_back(measured);
      }
    }
    Measured first;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      const Measured median{Median(all[i], &Measured::lines_per_second),
                            Median(all[i], &Measured::microseconds_per_line),
                            Median(all[i], &Measured::memory_kib)};
      if (i == 0) first = median;
      fmt::print("{:8} {:18} {:10.0f} {:6.2f}x {:13.2f} {:6.2f}x {:11.0f} {:6.2f}x\n", way.name,
                 subjects[i].name, median.lines_per_second,
                 median.lines_per_second / first.lines_per_second, median.microseconds_per_line,
                 median.microseconds_per_line / first.microseconds_per_line, median.memory_kib,
                 median.memory_kib / first.memory_kib);
    }
  }
  return {};
}

}  // namespace
}  // namespace inro::bench

int main(int argc, char** argv) {
  const int lines = argc > 1 ? std::atoi(argv[1]) : 20'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  if (lines < 1 || rounds < 1) return 2;
  if (const auto done = inro::bench::Run(lines, rounds); !done) {
    fmt::print("{}\n", done.error().ToString());
    return 1;
  }
  return 0;
}
