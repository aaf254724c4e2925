// What a service costs: guests with 1, 100 and 500 trivial services, under both inits. Each guest
// writes the time from its kernel's start, and the resident memory of its PID 1, to its console
// when the last of them has started; the same shell command does it under either init. Nothing is
// judged but that every guest gets there.
//
//   units_bench [ROUNDS]
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "guest_build.h"
#include "guest_run.h"
#include "sys/file.h"
#include "vmm/guest/supervisor.h"

namespace inro::bench {
namespace {

constexpr int kCounts[] = {1, 100, 500};
constexpr std::chrono::seconds kLimit{150};

constexpr std::string_view kDefinition = R"(
[source]
kind = "apt"
suite = "bookworm"
packages = ["dash", "coreutils", "grep", "kmod"]

[[files]]
path = "/etc"
source = "overlay/etc"
)";

constexpr std::string_view kService = R"([Unit]
Description=Does nothing
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/true
)";

// "$$" stands for one "$" in a unit file.
constexpr std::string_view kReport =
    R"([Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'read -r up rest </proc/uptime; rss=$$(grep VmRSS /proc/1/status); echo "<3>units-bench $$up $$rss" >/dev/kmsg'
)";

Result<boot_test::GuestSpec> MakeSpec() {
  const std::string folder = INRO_BINARY_DIR "/boot-tests/units-bench";
  const std::string units = folder + "/overlay/etc/systemd/system";
  INRO_TRY(sys::MakeDirectories(units));
  for (const int count : kCounts) {
    std::string wants = fmt::format("bench-{}-report.service", count);
    std::string after;
    for (int i = 0; i < count; ++i) {
      const std::string name = fmt::format(" bench-n{}.service", i);
      wants += name;
      after += name;
      INRO_TRY(sys::WriteFile(fmt::format("{}/bench-n{}.service", units, i), kService));
    }
    INRO_TRY(sys::WriteFile(fmt::format("{}/bench-{}.target", units, count),
                            fmt::format("[Unit]\nWants={}\n", wants)));
    INRO_TRY(sys::WriteFile(fmt::format("{}/bench-{}-report.service", units, count),
                            fmt::format("[Unit]\nAfter={}\n{}", after, kReport)));
  }
  return boot_test::GuestSpec{
      "units-bench", std::string(kDefinition), {boot_test::kInitrdSystemd, boot_test::kInitrdInro}};
}

struct Measure {
  double seconds = 0;
  long rss_kib = 0;
};

std::optional<Measure> FindReport(const std::string& console) {
  constexpr std::string_view kMark = "units-bench ";
  const std::size_t at = console.find(kMark);
  // The line has to be whole.
  if (at == std::string::npos || console.find("kB", at) == std::string::npos) return std::nullopt;
  Measure measure;
  char* end = nullptr;
  measure.seconds = std::strtod(console.c_str() + at + kMark.size(), &end);
  while (*end != '\0' && (*end < '0' || *end > '9')) ++end;
  measure.rss_kib = std::strtol(end, nullptr, 10);
  return measure;
}

Result<Measure> Boot(const boot_test::GuestBuild& build, const image::Variant& variant, int count) {
  INRO_ASSIGN(auto machine, build.Machine(variant));
  INRO_ASSIGN(auto run, boot_test::GuestRun::Start(
                            std::move(machine), fmt::format("units-{}-{}", variant.init, count),
                            {fmt::format("systemd.wants=bench-{}.target", count)}));
  const auto end = std::chrono::steady_clock::now() + kLimit;
  while (std::chrono::steady_clock::now() < end) {
    if (const auto measure = FindReport(run->Console())) return *measure;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return Fail("{} services under init = {}: not started within {} s", count, variant.init,
              kLimit.count());
}

template <class T>
T Median(std::vector<T> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int Run(int rounds) {
  const auto spec = MakeSpec();
  if (!spec) {
    std::printf("%s\n", spec.error().ToString().c_str());
    return 1;
  }
  const auto build = boot_test::BuildOnce(*spec);
  if (!build) {
    const bool skip = boot_test::NoMirror(build.error());
    std::printf("%s%s\n", skip ? "SKIPPED: the units benchmark: " : "",
                build.error().ToString().c_str());
    return skip ? 0 : 1;
  }
  const image::Variant variants[] = {boot_test::kInitrdSystemd, boot_test::kInitrdInro};
  std::map<std::pair<std::string, int>, std::pair<std::vector<double>, std::vector<long>>> all;
  for (int round = 0; round < rounds; ++round) {
    for (const int count : kCounts) {
      for (const image::Variant& variant : variants) {
        const auto measure = Boot(*build, variant, count);
        if (!measure) {
          std::printf("%s\n", measure.error().ToString().c_str());
          return 1;
        }
        auto& [seconds, rss] = all[{variant.init, count}];
        seconds.push_back(measure->seconds);
        rss.push_back(measure->rss_kib);
      }
    }
  }
  std::printf("%-8s %9s %12s %14s %12s %16s\n", "init", "services", "started, s", "ms a service",
              "PID 1, KiB", "KiB a service");
  for (const image::Variant& variant : variants) {
    const auto& base = all[{variant.init, kCounts[0]}];
    for (const int count : kCounts) {
      const auto& [seconds, rss] = all[{variant.init, count}];
      const double time = Median(seconds);
      const long memory = Median(rss);
      std::printf("%-8s %9d %12.2f", variant.init.c_str(), count, time);
      if (count == kCounts[0]) {
        std::printf(" %14s %12ld %16s\n", "", memory, "");
      } else {
        const double more = count - kCounts[0];
        std::printf(" %14.2f %12ld %16.2f\n", (time - Median(base.first)) * 1000 / more, memory,
                    static_cast<double>(memory - Median(base.second)) / more);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace inro::bench

int main(int argc, char** argv) {
  if (const auto code = inro::vmm::MaybeSupervise(argc, argv)) return *code;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return inro::bench::Run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 1);
}
