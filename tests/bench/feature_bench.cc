// What each feature of a guest costs, alone and together: time to ready beside the floor's, memory,
// bytes of the artifact. Builds an initrd with init = inro for each set of features, boots all of
// them and the floor in turn, and prints a table. Printed, never judged.
//
//   feature_bench [ROUNDS]
//
// A feature is what the definition has to name for it (packages, services, roles that are not
// masked) and the kernel parameters that ask for it. "none" has the agent and crun alone.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <thread>

#include "compare/artifact_machine.h"
#include "compare/boot.h"
#include "compare/floor.h"
#include "image/build/build.h"
#include "image/definition/definition.h"
#include "image/source/apt.h"
#include "image/write/artifact.h"
#include "image/write/manifest.h"
#include "protocol/agent_api.h"
#include "protocol/metrics_text.h"
#include "protocol/sandbox_message.h"
#include "sys/file.h"
#include "sys/subprocess.h"
#include "vmm/guest/guest.h"
#include "vmm/guest/host.h"
#include "vmm/guest/readiness.h"
#include "vmm/guest/supervisor.h"
#include "wire/client.h"

namespace inro::bench {
namespace {

using std::chrono::milliseconds;
using Words = std::vector<std::string>;

constexpr milliseconds kCallLimit{30'000};
constexpr milliseconds kControlLimit{60'000};
constexpr milliseconds kSettle{5'000};  // until a guest's services have started

struct Feature {
  const char* name;
  Words packages;
  Words services;    // to enable
  Words units;       // masked where the feature is left out
  Words parameters;  // of the kernel
};

const std::vector<Feature>& Features() {
  static const std::vector<Feature> features = {
      {"logs",
       {},
       {},
       {"inro-logs.service", "inro-logs.socket", "inro-logs-forwarded.socket"},
       {"agent.log_vport=1025"}},
      {"console", {"dash"}, {}, {}, {"agent.debug_console", "agent.debug_console_vport=1026"}},
      {"exec, copy, services", {}, {}, {"inro-control.service", "inro-control.socket"}, {}},
      {"time", {}, {}, {"inro-clock.service"}, {}},
      {"chrony", {"chrony"}, {"chrony.service"}, {}, {}},
      {"tracing", {}, {}, {}, {"agent.trace"}},
      {"iptables", {"iptables", "kmod"}, {}, {}, {}},
  };
  return features;
}

std::string List(const Words& words) {
  std::string text;
  for (const std::string& word : words)
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", word);
  return "[" + text + "]";
}

void Append(Words& to, const Words& more) { to.insert(to.end(), more.begin(), more.end()); }

struct Guest {
  std::string name;
  std::vector<bool> has;  // of each feature
  std::string definition;
  Words parameters;
  // Filled as the bench goes.
  vmm::MachineConfig machine;
  std::uint64_t bytes = 0;
  std::vector<double> ready_ms;
  std::optional<std::int64_t> used_kib;   // of memory, beyond the floor
  std::optional<std::int64_t> roles_kib;  // PSS of init and of the roles
};

Guest MakeGuest(std::string name, std::vector<bool> has) {
  Guest guest{.name = std::move(name), .has = std::move(has)};
  Words packages = {"crun"};
  Words services;
  Words masked;
  for (std::size_t i = 0; i < Features().size(); ++i) {
    const Feature& feature = Features()[i];
    if (guest.has[i]) {
      Append(packages, feature.packages);
      Append(services, feature.services);
      Append(guest.parameters, feature.parameters);
    } else {
      Append(masked, feature.units);
    }
  }
  guest.definition = fmt::format(
      "name = \"features\"\ndebug = true\n[source]\nkind = \"apt\"\nsuite = \"bookworm\"\n"
      "packages = {}\nexclude = [\"iproute2\"]\n[image]\ninit = \"inro\"\n[initrd]\n"
      "init = \"inro\"\n[services]\nenable = {}\nmask = {}\n",
      List(packages), List(services), List(masked));
  return guest;
}

// None, each alone, all, all but each.
std::vector<Guest> Guests() {
  const std::size_t count = Features().size();
  std::vector<Guest> guests;
  guests.push_back(MakeGuest("none", std::vector<bool>(count, false)));
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<bool> alone(count, false);
    alone[i] = true;
    guests.push_back(MakeGuest(fmt::format("{} alone", Features()[i].name), std::move(alone)));
  }
  guests.push_back(MakeGuest("all", std::vector<bool>(count, true)));
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<bool> without(count, true);
    without[i] = false;
    guests.push_back(
        MakeGuest(fmt::format("all without {}", Features()[i].name), std::move(without)));
  }
  return guests;
}

struct Built {
  vmm::MachineConfig machine;
  std::uint64_t bytes = 0;
  std::string path;
};

Result<Built> BuildGuest(const std::string& text, const std::string& folder) {
  INRO_TRY(sys::MakeDirectories(folder));
  INRO_ASSIGN(const image::Definition definition,
              image::ParseDefinition(text, folder + "/image.toml", folder));
  image::BuildOptions options;
  options.out_dir = folder;
  options.cache_dir = image::DefaultCacheDir();
  options.guest_dir = INRO_BINARY_DIR;
  options.variants = {{image::Form::kInitrd, "inro"}};
  SilentProgress progress;
  INRO_ASSIGN(const image::BuildResult built, image::Build(definition, options, progress));
  INRO_ASSIGN(const std::string json, sys::ReadFile(built.manifest));
  INRO_ASSIGN(const image::Manifest manifest, image::ParseManifest(json, built.manifest));
  for (const image::ManifestArtifact& artifact : manifest.artifacts) {
    if (artifact.form != "initrd") continue;
    Built result{.bytes = artifact.size, .path = built.artifacts.front().path};
    INRO_ASSIGN(result.machine, compare::MachineOf(manifest, folder, artifact));
    return result;
  }
  return Fail("the build made no initrd");
}

// Guests that differ by kernel parameters alone share an artifact. Gives the floor's machine.
Result<vmm::MachineConfig> BuildAll(std::vector<Guest>& guests, const std::string& folder) {
  std::map<std::string, Built> built;
  for (Guest& guest : guests) {
    auto found = built.find(guest.definition);
    if (found == built.end()) {
      auto made = BuildGuest(guest.definition, fmt::format("{}/{}", folder, built.size()));
      if (!made) return std::unexpected(made.error().Wrap("build guest \"" + guest.name + "\""));
      found = built.emplace(guest.definition, std::move(*made)).first;
    }
    guest.machine = found->second.machine;
    Append(guest.machine.command_line, guest.parameters);
    guest.bytes = found->second.bytes;
  }
  const Built& all = built.at(guests[Features().size() + 1].definition);
  INRO_ASSIGN(const image::OpenedArtifact opened, image::OpenArtifact(all.path));
  INRO_ASSIGN(std::string program, sys::ReadFile(INRO_BINARY_DIR "/inro-floor"));
  INRO_ASSIGN(const std::string initrd, compare::MakeFloorInitrd(opened.tree, std::move(program)));
  vmm::MachineConfig floor = all.machine;
  floor.initrd = folder + "/floor.initrd";
  INRO_TRY(sys::WriteFile(floor.initrd, initrd));
  floor.command_line = vmm::BaseCommandLine(false);
  return floor;
}

Result<std::string> Ask(vmm::Guest& guest, std::uint32_t port, std::string_view service,
                        std::string_view method) {
  INRO_ASSIGN(UniqueFd socket, guest.Connect(port, kCallLimit));
  wire::Client client(std::move(socket));
  return client.CallOk(std::string(service), std::string(method), "", kCallLimit);
}

// What init and the roles hold; not role control, which runs because it is asked.
Result<std::int64_t> RolesKib(vmm::Guest& guest) {
  const auto end = std::chrono::steady_clock::now() + kControlLimit;
  auto payload = Ask(guest, protocol::kControlPort, protocol::kControlService, "State");
  while (!payload && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(100));
    payload = Ask(guest, protocol::kControlPort, protocol::kControlService, "State");
  }
  if (!payload) return std::unexpected(payload.error());
  protocol::StateResponse state;
  if (!protocol::Decode(*payload, state)) return Fail("the guest's state is malformed");
  std::int64_t sum = 0;
  for (const protocol::ProcessState& process : state.processes) {
    const bool role = process.pid == 1 || process.unit.starts_with("inro-") ||
                      process.unit == "kata-agent.service";
    if (role && process.pid != state.own_pid) sum += static_cast<std::int64_t>(process.pss_kib);
  }
  return sum;
}

Result<> MeasureMemory(Guest& guest, std::int64_t floor_available_kib) {
  vmm::GuestOptions options;
  options.time_limit = milliseconds(300'000);
  INRO_ASSIGN(const auto running, vmm::Guest::Start(guest.machine, options));
  vmm::BootWatch watch(running->exec_time());
  INRO_TRY(vmm::WaitReady(*running, watch, {}));
  std::this_thread::sleep_for(kSettle);
  INRO_ASSIGN(const std::string payload,
              Ask(*running, protocol::kAgentPort, protocol::kAgentService, "GetMetrics"));
  protocol::Metrics metrics;
  if (!protocol::Decode(payload, metrics)) return Fail("the guest's metrics are malformed");
  if (const auto available = protocol::MeminfoKib(metrics.metrics, "mem_available")) {
    guest.used_kib = floor_available_kib - static_cast<std::int64_t>(*available);
  }
  if (guest.has[2]) {
    INRO_ASSIGN(guest.roles_kib, RolesKib(*running));
  }
  running->Kill();
  return {};
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string Kib(const std::optional<std::int64_t>& kib) {
  return kib ? fmt::format("{}", *kib) : "-";
}

void PrintRow(const Guest& guest, const Guest& base, double floor) {
  const double ready = Median(guest.ready_ms);
  const auto bytes = static_cast<std::int64_t>(guest.bytes);
  const bool own = &guest == &base;
  fmt::print(
      "{:<34} {:>8.0f} {:>8} {:>7.3f} {:>8} {:>8} {:>8} {:>10.3f} {:>9}\n", guest.name, ready,
      own ? "" : fmt::format("{:+.0f}", ready - Median(base.ready_ms)), ready / floor,
      Kib(guest.used_kib),
      own || !guest.used_kib || !base.used_kib
          ? ""
          : fmt::format("{:+}", *guest.used_kib - *base.used_kib),
      Kib(guest.roles_kib), static_cast<double>(bytes) / 1e6,
      own ? ""
          : fmt::format("{:+.3f}",
                        static_cast<double>(bytes - static_cast<std::int64_t>(base.bytes)) / 1e6));
}

void PrintTable(const std::vector<Guest>& guests, const std::vector<double>& floors, int rounds) {
  const double floor = Median(floors);
  const std::size_t all = Features().size() + 1;
  fmt::print(
      "Features alone and together: initrd with init = inro, medians of {} interleaved boots; {}\n"
      "memory: MemAvailable of the floor less the guest's; roles: PSS of init and all idle "
      "roles\n\n"
      "{:<34} {:>8} {:>8} {:>7} {:>8} {:>8} {:>8} {:>10} {:>9}\n",
      rounds, vmm::Word(vmm::DetectAccel()), "guest", "ready ms", "more", "/ floor", "memory",
      "more KiB", "roles", "initrd MB", "more");
  fmt::print("{:<34} {:>8.0f} {:>8} {:>7.3f}\n", "floor", floor, "", 1.0);
  for (std::size_t i = 0; i < guests.size(); ++i) {
    PrintRow(guests[i], i < all ? guests.front() : guests[all], floor);
  }
  fmt::print(
      "\nall features on: {:.3f} x floor (budget 1.15), init and idle roles {} KiB (budget {})\n",
      Median(guests[all].ready_ms) / floor, Kib(guests[all].roles_kib), 6 << 10);
}

Result<> Run(int rounds) {
  INRO_ASSIGN(const sys::TempDir folder, sys::TempDir::Create("inro-feature-bench"));
  std::vector<Guest> guests = Guests();
  INRO_ASSIGN(const vmm::MachineConfig floor, BuildAll(guests, folder.path()));
  const compare::BootLimits limits;
  INRO_ASSIGN(const std::int64_t floor_available, compare::FloorAvailableKib(floor, limits));
  std::vector<double> floors;
  for (int round = 0; round < rounds; ++round) {
    INRO_ASSIGN(const double floor_ms, compare::TimeBoot(floor, limits));
    floors.push_back(floor_ms);
    for (Guest& guest : guests) {
      auto ready = compare::TimeBoot(guest.machine, limits);
      if (!ready) return std::unexpected(ready.error().Wrap("boot guest \"" + guest.name + "\""));
      guest.ready_ms.push_back(*ready);
    }
  }
  for (Guest& guest : guests) {
    if (auto done = MeasureMemory(guest, floor_available); !done) {
      return std::unexpected(done.error().Wrap("measure guest \"" + guest.name + "\""));
    }
  }
  PrintTable(guests, floors, rounds);
  return {};
}

}  // namespace
}  // namespace inro::bench

int main(int argc, char** argv) {
  // It executes itself again as the supervisor of its guests.
  if (const auto code = inro::vmm::MaybeSupervise(argc, argv)) return *code;
  int rounds = 5;
  if (argc > 1) {
    const std::string_view text = argv[1];
    std::from_chars(text.data(), text.data() + text.size(), rounds);
  }
  if (rounds < 1) return 2;
  if (!inro::sys::RunOrFail({"qemu-system-x86_64", "--version"})) {
    fmt::print("SKIPPED: qemu-system-x86_64 is not installed\n");
    return 77;
  }
  if (const auto done = inro::bench::Run(rounds); !done) {
    fmt::print("{}\n", done.error().ToString());
    return 1;
  }
  return 0;
}
