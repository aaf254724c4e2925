// What a line costs the collector of logs: lines a second and processor time a line, for each way
// in, with one reader that takes all. The collector is a thread of this process with real sockets
// in a folder of its own. Printed, never judged.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "guest/logs/collector.h"
#include "log_ways.h"
#include "sys/file.h"
#include "wire/address.h"

namespace inro::guest::logs {
namespace {

using std::chrono::milliseconds;

constexpr int kLines = 100'000;

double ThreadSeconds(pthread_t thread) {
  clockid_t clock{};
  timespec time{};
  if (::pthread_getcpuclockid(thread, &clock) != 0) return 0;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

UniqueFd Connect(const std::string& path, int type) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

Result<> Measure(const bench::LogWay& way) {
  INRO_ASSIGN(const sys::TempDir folder, sys::TempDir::Create("inro-log-bench"));
  INRO_TRY(sys::MakeDirectories(folder.path() + "/dev"));
  INRO_ASSIGN(const auto loop, wire::Loop::Create());
  Endpoints endpoints;
  BindMissing({.root = folder.path()}, endpoints);
  INRO_ASSIGN(Ring ring, Ring::Create(std::size_t{1} << 20));
  CollectorSettings settings;
  settings.intake.rate_burst = 0;
  Collector collector(*loop, std::move(ring), settings);
  collector.Begin(std::move(endpoints), UniqueFd());
  std::thread collecting([&] { loop->Run(); });
  const UniqueFd reader = Connect(folder.path() + "/run/inro/logs.sock", SOCK_STREAM);
  INRO_TRY(sys::WriteAll(reader.get(), "AFTER 0\n", "the collector"));
  std::atomic<std::size_t> bytes = 0;
  std::thread reading([&] {
    char buffer[64 << 10];
    ssize_t size = 0;
    while ((size = ::recv(reader.get(), buffer, sizeof buffer, 0)) > 0) {
      bytes += static_cast<std::size_t>(size);
    }
  });

  const UniqueFd socket = Connect(folder.path() + way.path, way.type);
  if (way.head[0] != 0) INRO_TRY(sys::WriteAll(socket.get(), way.head, "the collector"));
  const std::string padding(60, 'x');
  const double cpu = ThreadSeconds(collecting.native_handle());
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kLines; ++i) {
    const std::string line = fmt::format("{}line {} {}\n", way.before, i, padding);
    if (::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0)
      return Fail("cannot send");
  }
  std::uint64_t taken = 0;
  std::atomic<bool> asked = false;
  while (taken < kLines) {
    asked = false;
    loop->Post([&] {
      taken = collector.ring().last_seq();
      asked = true;
      asked.notify_one();
    });
    asked.wait(false);
    std::this_thread::sleep_for(milliseconds(1));
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  const double used = ThreadSeconds(collecting.native_handle()) - cpu;
  fmt::print("{:8} {:9.0f} lines/s  {:6.2f} us of processor a line  {} missed by the reader\n",
             way.name, kLines / wall.count(), used / kLines * 1e6, collector.readers().lost());
  loop->Post([&] { collector.Finish([&] { loop->Stop(); }); });
  collecting.join();
  ::shutdown(reader.get(), SHUT_RDWR);
  reading.join();
  return {};
}

}  // namespace
}  // namespace inro::guest::logs

int main() {
  for (const auto& way : inro::bench::kLogWays) {
    if (const auto done = inro::guest::logs::Measure(way); !done) {
      fmt::print("{}: {}\n", way.name, done.error().ToString());
      return 1;
    }
  }
  return 0;
}
