// A drop-in for Kata's configuration.toml that makes it boot an artifact of inro's.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "vmm/kata/kata_config.h"

namespace inro::vmm {

enum class ArtifactForm { kImage, kInitrd };

// Which kernel Kata shall boot the artifact with.
enum class DropInKernel {
  kKeep,   // the one that configuration.toml names already: no kernel line is written
  kStock,  // Debian's stock cloud kernel, from the build
  kUser,   // a kernel of the user's, from the build
};

// What is known of an artifact (from its manifest). Paths are absolute.
struct DropInArtifact {
  ArtifactForm form = ArtifactForm::kInitrd;
  std::string path;
  DropInKernel kernel = DropInKernel::kKeep;
  std::string kernel_path;                 // for kStock and kUser
  std::string rootfs_type = "ext4";        // of an image: ext4, xfs, erofs
  std::string init = "inro";               // named in the comment
  std::vector<std::string> kernel_params;  // that the artifact needs beyond Kata's
  std::vector<KataExtension> extensions;   // that were built with it
};

// The fragment's text for the hypervisor of `base`, the user's configuration. It sets one of image=
// and initrd= and empties the other, and keeps the user's own kernel parameters and, where the
// artifact brings extensions, the user's own of other names. Refused
// (kBadInput): an image with the stock kernel, also when that is what `base` names, because Kata
// lets the kernel itself mount /dev/pmem0p1 or /dev/vda1, whose drivers are modules there; a path
// that is not absolute; a root file system type that Kata does not know.
Result<std::string> DropInText(const DropInArtifact& artifact, const KataConfig& base);

// Where Kata reads drop-ins for a configuration.toml: "<its folder>/config.d/<name>.toml".
std::string DropInPath(const std::string& configuration, const std::string& name);

// Writes DropInText to `path` atomically, making the folder if it is missing.
Result<> WriteDropIn(const std::string& path, const DropInArtifact& artifact,
                     const KataConfig& base);

// True for a kernel of Debian's: its version text says who built it. kNotFound or kFailed when the
// file cannot be read; false when it is not a Linux bzImage.
Result<bool> IsDebianKernel(const std::string& path);
// The version text of a bzImage (Linux boot protocol: "HdrS" at 0x202, kernel_version at 0x20E), or
// empty. `head` holds the file's first bytes.
std::string KernelVersionText(std::string_view head);

}  // namespace inro::vmm
