// The vsock device of inro in a real guest, and beside it vhost-device-vsock where that is
// installed: interleaved rounds, the same guest, medians and ratios at the end. No time is judged;
// a wrong byte or a device that dies fails (of the other program it is only printed).
//
//   vsock_bench [--mib N] [--rounds N] [--trips N] [--peer PROGRAM | --no-peer] [--qemu "WORDS"]
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sys/file.h"
#include "vsock/guest_machine.h"
#include "vsock/transfer.h"

namespace inro::vsock_guest {
namespace {

using namespace std::chrono_literals;

struct Settings {
  std::uint64_t mib = 256;
  int rounds = 3;
  int trips = 3000;
  std::string peer = "vhost-device-vsock";
  bool with_peer = true;
  std::string qemu;  // added to the command that inro boots guests by
};

// Bytes to the guest whose checksum it computes, untimed.
constexpr std::uint64_t kCompared = std::uint64_t{32} << 20;

enum class Better { kLower, kHigher };

// The rows of the table, in its order.
struct MeasureRow {
  std::string_view id;
  std::string_view title;
  Better better;
};
constexpr MeasureRow kRows[] = {
    {"trip50", "round trip of 64 B, p50, us", Better::kLower},
    {"trip99", "round trip of 64 B, p99, us", Better::kLower},
    {"trip_device", "device, CPU us a round trip", Better::kLower},
    {"trip_qemu", "QEMU, CPU us a round trip", Better::kLower},
    {"sequential", "1,000 connects with echo, one by one, ms", Better::kLower},
    {"sequential_device", "device, CPU us a connect", Better::kLower},
    {"sequential_qemu", "QEMU, CPU us a connect", Better::kLower},
    {"concurrent", "200 concurrent connects with echo, ms", Better::kLower},
    {"to_guest", "host to guest, MiB/s", Better::kHigher},
    {"to_guest_device", "host to guest, device, CPU s a GiB", Better::kLower},
    {"to_guest_qemu", "host to guest, QEMU, CPU s a GiB", Better::kLower},
    {"from_guest", "guest to host, MiB/s", Better::kHigher},
    {"from_guest_device", "guest to host, device, CPU s a GiB", Better::kLower},
    {"from_guest_qemu", "guest to host, QEMU, CPU s a GiB", Better::kLower},
    {"resident", "device, resident, KiB", Better::kLower},
};

using Samples = std::map<std::string_view, std::vector<double>>;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Processor time of device and QEMU during a measurement.
class Cost {
 public:
  Cost(const Child& device, const Child& guest)
      : device_(device),
        guest_(guest),
        device_start_(device.CpuSeconds()),
        guest_start_(guest.CpuSeconds()) {}
  double Device() const { return device_.CpuSeconds() - device_start_; }
  double Guest() const { return guest_.CpuSeconds() - guest_start_; }

 private:
  const Child& device_;
  const Child& guest_;
  double device_start_;
  double guest_start_;
};

// Connections, round trips and transfers.
Result<> Measure(const Settings& settings, const std::string& socket, const Child& device,
                 const Child& guest, Samples& samples) {
  const auto add = [&](std::string_view id, double value) { samples[id].push_back(value); };
  INRO_TRY(RoundTrips(socket, settings.trips / 10 + 1));  // caches and the guest's code get warm
  {
    const Cost cost(device, guest);
    INRO_ASSIGN(const std::vector<Seconds> trips, RoundTrips(socket, settings.trips));
    const auto count = static_cast<double>(trips.size());
    add("trip50", trips[trips.size() / 2].count() * 1e6);
    add("trip99", trips[trips.size() * 99 / 100].count() * 1e6);
    add("trip_device", cost.Device() * 1e6 / count);
    add("trip_qemu", cost.Guest() * 1e6 / count);
  }
  {
    const Cost cost(device, guest);
    INRO_ASSIGN(const Seconds sequential, ConnectSequentially(socket, 1000));
    add("sequential", sequential.count() * 1e3);
    add("sequential_device", cost.Device() * 1e3);
    add("sequential_qemu", cost.Guest() * 1e3);
  }
  INRO_ASSIGN(const Seconds concurrent, ConnectConcurrently(socket, 200));
  add("concurrent", concurrent.count() * 1e3);
  const auto mib = static_cast<double>(settings.mib);
  // A checksum in the guest would be measured with it: content is compared before, for itself.
  INRO_TRY(SendToGuest(socket, kCompared));
  {
    const Cost cost(device, guest);
    INRO_ASSIGN(const Seconds took, SendToGuest(socket, settings.mib << 20, kCountedSinkPort));
    add("to_guest", mib / took.count());
    add("to_guest_device", cost.Device() * 1024 / mib);
    add("to_guest_qemu", cost.Guest() * 1024 / mib);
  }
  {
    const Cost cost(device, guest);
    INRO_ASSIGN(const Seconds took, ReceiveFromGuest(socket, settings.mib << 20));
    add("from_guest", mib / took.count());
    add("from_guest_device", cost.Device() * 1024 / mib);
    add("from_guest_qemu", cost.Guest() * 1024 / mib);
  }
  add("resident", static_cast<double>(device.ResidentKib()));
  return {};
}

// What is no matter of speed: a line each.
Result<> Disturb(const std::string& socket, Child& device, Child& guest) {
  constexpr std::uint64_t kBytes = std::uint64_t{32} << 20;
  const auto say = [](std::string_view what, const Result<>& result) {
    fmt::print("  {:<44} {}\n", what, result ? "ok" : result.error().ToString());
    std::fflush(stdout);
    return result.has_value();
  };
  const auto done = [](const Result<Seconds>& result) {
    return result ? Result<>() : Result<>(std::unexpected(result.error()));
  };
  bool good = say("reader that stalls for 1 s, others echo",
                  done(ReceiveFromGuest(socket, kBytes, 1000ms)));
  good &= say("guest's reader that stalls for 1 s",
              done(SendToGuest(socket, kBytes / 2, kStallingSinkPort)));
  good &= say("host ends its direction, guest answers", EndWriting(socket));
  good &= say("host leaves in mid-transfer", HostLeaves(socket));
  good &= say("guest resets in mid-transfer", GuestLeaves(socket));
  Result<> broken_off;
  auto transfer = BeginTransfer(socket);
  if (transfer) {
    guest.Kill();
    broken_off = AwaitBrokenOff(*transfer);
  } else {
    broken_off = std::unexpected(transfer.error());
  }
  good &= say("guest killed in mid-transfer: stream ends", broken_off);
  const auto ended = device.Wait(500ms);
  fmt::print("  {:<44} {}\n", "device after that",
             !ended                ? "serves on"
             : WIFSIGNALED(*ended) ? fmt::format("died of signal {}", WTERMSIG(*ended))
                                   : fmt::format("ended with status {}", WEXITSTATUS(*ended)));
  if (!good) return Fail("not all went well");
  return {};
}

Result<> Round(const Settings& settings, const GuestFiles& files, bool peer, bool disturb,
               Samples& samples) {
  INRO_ASSIGN(const sys::TempDir folder, sys::TempDir::Create("vsock-bench"));
  const vmm::RunPaths paths{folder.path()};
  INRO_ASSIGN(Child device, peer ? StartPeer(settings.peer, paths) : StartDevice(paths));
  std::vector<std::string> qemu_args;
  std::istringstream words(settings.qemu);
  for (std::string word; words >> word;) qemu_args.push_back(word);
  INRO_ASSIGN(Child guest, StartGuest(files, paths, 600, std::move(qemu_args)));
  INRO_TRY(AwaitReady(guest, paths));
  INRO_TRY(Measure(settings, paths.hybrid_socket(), device, guest, samples));
  if (disturb) INRO_TRY(Disturb(paths.hybrid_socket(), device, guest));
  if (!peer && !device.Running()) return Fail("the device ended");
  return {};
}

void PrintTable(const Samples& ours, const Samples& peer) {
  fmt::print("\n{:<44} {:>10}", "median", "inro");
  if (!peer.empty()) fmt::print(" {:>10} {:>10}", "peer", "inro is");
  fmt::print("\n");
  for (const MeasureRow& row : kRows) {
    const auto mine = ours.find(row.id);
    if (mine == ours.end()) continue;
    const double value = Median(mine->second);
    const int digits = value < 20 ? 2 : 0;
    fmt::print("{:<44} {:>10.{}f}", row.title, value, digits);
    if (const auto theirs = peer.find(row.id); theirs != peer.end() && value > 0) {
      const double other = Median(theirs->second);
      const bool higher = row.better == Better::kHigher;
      const double ratio = higher ? value / other : other / value;
      fmt::print(" {:>10.{}f} {:>8.2f} x {}", other, digits, ratio,
                 ratio >= 1 ? (higher ? "more" : "less") : (higher ? "(less)" : "(more)"));
    }
    fmt::print("\n");
  }
}

bool Installed(const std::string& program) {
  if (program.find('/') != program.npos) return access(program.c_str(), X_OK) == 0;
  return std::system(fmt::format("command -v '{}' >/dev/null", program).c_str()) == 0;
}

template <class T>
bool ParseNumber(std::string_view word, T& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() && number > 0;
}

std::optional<Settings> ParseArguments(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--no-peer") {
      settings.with_peer = false;
      continue;
    }
    if (++i >= argc) return std::nullopt;
    const bool good = word == "--mib"      ? ParseNumber(argv[i], settings.mib)
                      : word == "--rounds" ? ParseNumber(argv[i], settings.rounds)
                      : word == "--trips"  ? ParseNumber(argv[i], settings.trips)
                      : word == "--qemu"   ? !(settings.qemu = argv[i]).empty()
                      : word == "--peer"   ? !(settings.peer = argv[i]).empty()
                                           : false;
    if (!good) return std::nullopt;
  }
  return settings;
}

int Bench(Settings settings) {
  if (!Installed("qemu-system-x86_64")) {
    fmt::print("SKIPPED: the vsock benchmark needs qemu-system-x86_64\n");
    return 0;
  }
  if (settings.with_peer && !Installed(settings.peer)) {
    fmt::print("{} is not installed (cargo install vhost-device-vsock): inro alone\n",
               settings.peer);
    settings.with_peer = false;
  }
  const auto folder = sys::TempDir::Create("vsock-bench");
  if (!folder) {
    fmt::print("{}\n", folder.error().ToString());
    return 1;
  }
  const auto files = MakeGuestFiles(folder->path());
  if (!files) {
    fmt::print("SKIPPED: the vsock benchmark has no kernel: {}\n", files.error().ToString());
    return 0;
  }
  Samples ours;
  Samples theirs;
  for (int round = 1; round <= settings.rounds; ++round) {
    const bool last = round == settings.rounds;
    fmt::print("round {} of {}: inro\n", round, settings.rounds);
    std::fflush(stdout);
    if (const auto done = Round(settings, *files, false, last, ours); !done) {
      fmt::print("FAILED: {}\n", done.error().ToString());
      return 1;
    }
    if (!settings.with_peer) continue;
    fmt::print("round {} of {}: {}\n", round, settings.rounds, settings.peer);
    std::fflush(stdout);
    if (const auto done = Round(settings, *files, true, last, theirs); !done) {
      fmt::print("the peer: {}\n", done.error().ToString());
    }
  }
  fmt::print("\n{} MiB each way; {} rounds, interleaved\n", settings.mib, settings.rounds);
  PrintTable(ours, theirs);
  return 0;
}

}  // namespace
}  // namespace inro::vsock_guest

int main(int argc, char** argv) {
  using namespace inro::vsock_guest;
  if (const auto code = MaybeServeDevice(argc, argv)) return *code;
  const auto settings = ParseArguments(argc, argv);
  if (!settings) {
    fmt::print(stderr,
               "usage: vsock_bench [--mib N] [--rounds N] [--trips N] [--peer PROGRAM | "
               "--no-peer] [--qemu WORDS]\n");
    return 2;
  }
  return Bench(*settings);
}
