#include "compare/extension_check.h"

#include <unistd.h>

#include <chrono>

#include "compare/artifact_machine.h"
#include "image/extension/extension_image.h"

namespace inro::compare {

Result<ExtensionCheck> ExtensionCheck::Attach(vmm::MachineConfig& machine) {
  INRO_ASSIGN(sys::TempDir folder, sys::TempDir::Create("inro-extension"));
  // Of this run alone: the guest can have it only from this image.
  std::string text =
      fmt::format("extension {:x}-{:x}", ::getpid(),
                  std::chrono::steady_clock::now().time_since_epoch().count() & 0xffffff);
  image::Tree tree;
  INRO_TRY(tree.Put("probe", image::MakeFile(text + "\n")));
  INRO_ASSIGN(const image::ExtensionImage image, image::MakeExtensionImage("probe", tree));
  const std::string path = folder.path() + "/probe.img";
  INRO_TRY(sys::WriteFile(path, image.bytes));
  INRO_TRY(AttachExtension(path, image.parameter, machine));
  return ExtensionCheck(std::move(folder), std::move(text));
}

protocol::Finding ExtensionCheck::Finish(protocol::Finding finding) const {
  if (finding.yes && finding.evidence.find(text_) == std::string::npos) {
    finding.yes = false;
    finding.evidence += fmt::format("; but the host's image says \"{}\"", text_);
  }
  return finding;
}

}  // namespace inro::compare
