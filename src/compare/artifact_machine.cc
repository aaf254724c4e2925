#include "compare/artifact_machine.h"

#include <algorithm>

#include "image/build/kernel_choice.h"
#include "protocol/extension_parameter.h"

namespace inro::compare {
namespace {

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Result<> AttachExtension(const std::string& path, const std::string& parameter,
                         vmm::MachineConfig& machine) {
  const auto words = protocol::ExtensionWords(parameter);
  if (words.size() != 1) {
    return FailAs(ErrorKind::kBadInput, "{}: '{}' is no parameter of an extension", path,
                  parameter);
  }
  vmm::Disk disk;
  disk.path = path;
  disk.serial = protocol::ExtensionSerial(words[0].name);
  disk.attach = vmm::DiskAttach::kVirtioBlk;
  if (std::ranges::count(machine.disks, disk.serial, &vmm::Disk::serial) != 0) {
    return FailAs(ErrorKind::kBadInput, "{}: the guest has an extension '{}' already", path,
                  words[0].name);
  }
  machine.disks.push_back(std::move(disk));
  machine.command_line.push_back(parameter);
  return {};
}

Result<vmm::MachineConfig> MachineOf(const image::Manifest& manifest, const std::string& folder,
                                     const image::ManifestArtifact& artifact,
                                     std::optional<vmm::DiskAttach> attach, bool verbose) {
  const image::ManifestArtifact* kernel = manifest.Artifact("kernel");
  if (kernel == nullptr) return Fail("the manifest of {} names no kernel", manifest.name);
  vmm::MachineConfig machine;
  machine.kernel = folder + "/" + kernel->path;
  machine.command_line = vmm::BaseCommandLine(verbose);
  const std::string path = folder + "/" + artifact.path;
  if (artifact.form == "initrd") {
    machine.initrd = path;
  } else {
    if (artifact.boot.attach.empty()) {
      return FailAs(ErrorKind::kBadInput,
                    "{}: its kernel can mount no root disk without an initrd (NVMe, virtio-blk or "
                    "pmem and the root file system must be built in)",
                    artifact.path);
    }
    INRO_ASSIGN(const vmm::DiskAttach first, vmm::ParseDiskAttach(artifact.boot.attach.front()));
    vmm::Disk disk;
    disk.path = path;
    disk.attach = attach.value_or(first);
    if (std::ranges::count(artifact.boot.attach, vmm::Word(disk.attach)) == 0) {
      return FailAs(ErrorKind::kBadInput,
                    "{}: its kernel cannot mount a root disk attached as {}; it can as {}",
                    artifact.path, vmm::Word(disk.attach), Join(artifact.boot.attach));
    }
    machine.image = disk;
    machine.command_line.push_back(
        fmt::format("root={}", image::RootDevice(vmm::Word(disk.attach))));
    machine.command_line.push_back(fmt::format("rootfstype={}", artifact.boot.root_type));
  }
  machine.command_line.insert(machine.command_line.end(), artifact.boot.cmdline.begin(),
                              artifact.boot.cmdline.end());
  for (const image::ManifestArtifact& extension : manifest.artifacts) {
    if (extension.form != "extension" || extension.boot.cmdline.empty()) continue;
    INRO_TRY(
        AttachExtension(folder + "/" + extension.path, extension.boot.cmdline.front(), machine));
  }
  return machine;
}

}  // namespace inro::compare
