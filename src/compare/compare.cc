#include "compare/compare.h"

#include <algorithm>
#include <memory>

#include "compare/artifact_machine.h"
#include "compare/cell.h"
#include "compare/floor.h"
#include "compare/tree_measure.h"
#include "image/write/artifact.h"
#include "image/write/manifest.h"
#include "sys/file.h"
#include "sys/subprocess.h"
#include "vmm/guest/host.h"
#include "vmm/guest/readiness.h"

namespace inro::compare {
namespace {

constexpr std::string_view kAgentUnit = "kata-agent.service";
constexpr std::string_view kGuestBinary = "usr/bin/inro-guest";
// Roles of inro run as these units; PID 1 is added to them.
constexpr std::string_view kRoleUnits[] = {"kata-agent.service", "inro-control.service"};

// One guest of the comparison on its way from artifact to result.
struct Subject {
  GuestResult result;
  vmm::MachineConfig machine;
  std::uint64_t guest_binary_bytes = 0;
  ProbedBoot probed;
};

std::vector<image::Variant> Others(const image::Definition& definition) {
  const std::vector<image::Variant> own = image::DefinedVariants(definition);
  std::vector<image::Variant> others;
  for (const image::Form form : {image::Form::kImage, image::Form::kInitrd}) {
    for (const char* init : {"systemd", "inro"}) {
      image::Variant variant{form, init};
      if (std::ranges::count(own, variant) == 0) others.push_back(std::move(variant));
    }
  }
  return others;
}

// The artifacts of one build as subjects.
Result<std::vector<Subject>> Subjects(const image::BuildResult& built,
                                      const CompareOptions& options) {
  INRO_ASSIGN(const std::string text, sys::ReadFile(built.manifest));
  INRO_ASSIGN(const image::Manifest manifest, image::ParseManifest(text, built.manifest));
  const std::string folder = built.manifest.substr(0, built.manifest.rfind('/'));
  std::vector<Subject> subjects;
  for (const image::ManifestArtifact& artifact : manifest.artifacts) {
    if (artifact.form == "kernel") continue;
    Subject subject;
    INRO_ASSIGN(subject.machine, MachineOf(manifest, folder, artifact));
    subject.machine.memory_mib = options.memory_mib;
    subject.machine.cpus = options.cpus;
    subject.machine.accel = options.accel;
    subject.machine.vsock = options.vsock;
    subject.result.form = artifact.form;
    subject.result.init = artifact.init;
    subject.result.artifact = folder + "/" + artifact.path;
    INRO_ASSIGN(const image::OpenedArtifact opened, image::OpenArtifact(subject.result.artifact));
    const TreeCounts counts = CountTree(opened.tree);
    Measures& measures = subject.result.measures;
    measures.artifact_bytes = artifact.size;
    measures.unpacked_bytes = counts.unpacked_bytes;
    measures.files = counts.files;
    measures.elf_programs = counts.elf_programs;
    measures.setuid_files = counts.setuid_files;
    if (const auto* tree = manifest.TreeOf(artifact.init))
      measures.packages = tree->packages.size();
    if (const auto* node = opened.tree.Find(kGuestBinary)) {
      subject.guest_binary_bytes = node->content.size();
    }
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

Result<std::vector<Subject>> BuildSubjects(const image::Definition& definition,
                                           const CompareOptions& options, Progress& progress) {
  INRO_ASSIGN(const image::BuildResult own, image::Build(definition, options.build, progress));
  INRO_ASSIGN(std::vector<Subject> subjects, Subjects(own, options));
  if (options.all) {
    image::BuildOptions build = options.build;
    build.variants = Others(definition);
    build.out_dir = options.variants_dir;
    INRO_ASSIGN(const image::BuildResult others, image::Build(definition, build, progress));
    INRO_ASSIGN(std::vector<Subject> more, Subjects(others, options));
    std::ranges::move(more, std::back_inserter(subjects));
  }
  std::ranges::sort(subjects, {}, [](const Subject& subject) {
    return std::pair(subject.result.form, subject.result.init);
  });
  return subjects;
}

// The floor boots the kernel of the first subject on the same machine.
Result<vmm::MachineConfig> BuildFloor(const std::vector<Subject>& subjects,
                                      const CompareOptions& options, const std::string& folder) {
  INRO_ASSIGN(const image::OpenedArtifact guest,
              image::OpenArtifact(subjects.front().result.artifact));
  INRO_ASSIGN(std::string program, sys::ReadFile(options.build.guest_dir + "/inro-floor"));
  INRO_ASSIGN(const std::string initrd, MakeFloorInitrd(guest.tree, std::move(program)));
  const std::string path = folder + "/floor.initrd";
  INRO_TRY(sys::WriteFile(path, initrd));
  vmm::MachineConfig machine = subjects.front().machine;
  machine.image.reset();
  machine.initrd = path;
  machine.command_line = vmm::BaseCommandLine(false);
  return machine;
}

// A line that a reader can repeat the measures with.
Result<std::string> DescribeMachine(const CompareOptions& options) {
  INRO_ASSIGN(std::string version, sys::RunOrFail({"qemu-system-x86_64", "--version"}));
  version = version.substr(0, version.find('\n'));
  const vmm::Accel accel = options.accel == vmm::Accel::kAuto ? vmm::DetectAccel() : options.accel;
  return fmt::format("{}, {}, {} CPUs, {} MiB", version, vmm::Word(accel), options.cpus,
                     options.memory_mib);
}

Result<> TimeRounds(std::vector<Subject>& subjects, const vmm::MachineConfig& floor,
                    const CompareOptions& options, Comparison& comparison, Progress& progress) {
  progress.Step(
      fmt::format("time {} interleaved boots of each guest and of the floor", options.rounds));
  const auto total = static_cast<std::uint64_t>(options.rounds) * (subjects.size() + 1);
  std::uint64_t done = 0;
  for (int round = 0; round < options.rounds; ++round) {
    auto floor_ms = TimeBoot(floor, options.limits);
    if (!floor_ms) return std::unexpected(floor_ms.error().Wrap("boot the floor"));
    comparison.floor_ready_ms.values.push_back(*floor_ms);
    progress.Update(++done, total, "boots");
    for (Subject& subject : subjects) {
      auto ready_ms = TimeBoot(subject.machine, options.limits);
      if (!ready_ms) {
        return std::unexpected(
            ready_ms.error().Wrap(fmt::format("boot {}", subject.result.artifact)));
      }
      subject.result.measures.ready_ms.values.push_back(*ready_ms);
      progress.Update(++done, total, "boots");
    }
  }
  return {};
}

bool IsRole(const protocol::ProcessState& process) {
  return process.pid == 1 || std::ranges::count(kRoleUnits, process.unit) > 0;
}

// Fills what the guest's own state tells. The control role itself is there for the probe only: it
// is left out of processes and roles, and its memory is given back.
void MeasureState(const protocol::StateResponse& state, std::int64_t floor_available_kib,
                  Measures& measures) {
  std::int64_t own_kib = 0;
  for (const protocol::ProcessState& process : state.processes) {
    if (process.kernel_thread) continue;
    if (process.pid == state.own_pid) {
      own_kib = static_cast<std::int64_t>(process.pss_kib);
      continue;
    }
    ++measures.processes;
    if (process.pid == 1) measures.init_rss_kib = process.rss_kib;
    if (process.unit == kAgentUnit) measures.agent_rss_kib += process.rss_kib;
    if (IsRole(process)) measures.roles_pss_kib += process.pss_kib;
  }
  measures.guest_memory_used_kib =
      floor_available_kib - static_cast<std::int64_t>(state.memory_available_kib) - own_kib;
}

std::string DescribeSource(const image::Definition& definition) {
  std::string text(image::kSourceKinds[static_cast<std::size_t>(definition.source.kind)]);
  if (!definition.source.suite.empty()) text += ", suite " + definition.source.suite;
  return text;
}

// Only of packages is the suite's name the guest's VERSION_CODENAME.
std::string ExpectedCodename(const image::Definition& definition) {
  const bool packages = definition.source.kind == image::SourceKind::kApt ||
                        definition.source.kind == image::SourceKind::kMmdebstrap;
  return packages ? definition.source.suite : "";
}

Result<> ProbeAll(const image::Definition& definition, std::vector<Subject>& subjects,
                  const CompareOptions& options, Comparison& comparison, Progress& progress) {
  for (Subject& subject : subjects) {
    GuestResult& result = subject.result;
    progress.Step(fmt::format("probe {} with init = {}", result.form, result.init));
    auto probed = ProbeBoot(subject.machine, options.limits);
    if (!probed) {
      return std::unexpected(probed.error().Wrap(fmt::format("probe {}", result.artifact)));
    }
    subject.probed = std::move(*probed);
    for (const std::string& fault : subject.probed.faults) {
      progress.Note(fmt::format("{}, init = {}: console: {}", result.form, result.init, fault));
    }
    Measures& measures = result.measures;
    if (subject.probed.target_ms > 0) measures.target_ms.values = {subject.probed.target_ms};
    const double floor = comparison.floor_ready_ms.Median();
    measures.ready_over_floor = floor > 0 ? measures.ready_ms.Median() / floor : 0;
    MeasureState(subject.probed.state, comparison.floor_available_kib, measures);
    result.events = subject.probed.events;
    result.spans = subject.probed.spans;
    CellFacts facts;
    facts.source = DescribeSource(definition);
    facts.suite = ExpectedCodename(definition);
    facts.guest_binary_bytes = subject.guest_binary_bytes;
    facts.measures = &measures;
    result.cells = MakeCells(subject.probed, facts);
  }
  return {};
}

}  // namespace

Result<Comparison> Compare(const image::Definition& definition, const CompareOptions& options,
                           Progress& progress) {
  INRO_ASSIGN(std::vector<Subject> subjects, BuildSubjects(definition, options, progress));
  if (subjects.empty()) return Fail("{}: no guest to compare", definition.name);
  INRO_ASSIGN(const sys::TempDir folder, sys::TempDir::Create("inro-compare"));
  INRO_ASSIGN(const vmm::MachineConfig floor, BuildFloor(subjects, options, folder.path()));

  Comparison comparison;
  comparison.name = definition.name;
  INRO_ASSIGN(comparison.machine, DescribeMachine(options));
  comparison.poll_interval_ms = static_cast<double>(vmm::kPollInterval.count());
  progress.Step("boot the floor and read its memory");
  INRO_ASSIGN(comparison.floor_available_kib, FloorAvailableKib(floor, options.limits));
  INRO_TRY(TimeRounds(subjects, floor, options, comparison, progress));
  INRO_TRY(ProbeAll(definition, subjects, options, comparison, progress));
  for (Subject& subject : subjects) comparison.guests.push_back(std::move(subject.result));
  return comparison;
}

}  // namespace inro::compare
