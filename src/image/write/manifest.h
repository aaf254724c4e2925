// The manifest of a build: what was made, from what, and how each artifact is booted. One JSON
// document beside the artifacts ("NAME.manifest.json"), schema "inro-manifest/1". It holds no time
// and no absolute path: the same build gives the same bytes everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

inline constexpr std::string_view kManifestSchema = "inro-manifest/1";

// How an artifact becomes a guest.
struct BootRecipe {
  std::vector<std::string> attach;   // ways that work, best first: "initrd", "nvdimm", "nvme",
                                     // "virtio-blk"
  std::string root;                  // root= for the first of them; empty for an initrd
  std::string root_type;             // rootfstype=; empty for an initrd
  std::vector<std::string> cmdline;  // the other kernel parameters that the artifact needs
  // Keys of Kata's configuration.toml with their values, as in [hypervisor.qemu].
  std::vector<std::pair<std::string, std::string>> kata;
};

// A file that was made. `form` is "image", "initrd", "kernel" or "extension".
struct ManifestArtifact {
  std::string form;
  std::string path;    // relative to the manifest's folder, no ".."
  std::string format;  // "disk/ext4", "nested", "flat", ...
  std::string compression;
  std::string init;  // "systemd", "inro" or a path; empty for a kernel
  std::uint64_t size = 0;
  std::string sha256;
  BootRecipe boot;
};

struct ManifestPackage {
  std::string name;
  std::string version;
  std::string architecture;
  std::string sha256;  // of the package file; empty when not known
};

struct ManifestFile {
  std::string path;  // absolute in the guest: "/usr/bin/true"
  std::string type;  // "file", "directory", "symlink", "char", "block", "fifo"
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;  // of a regular file
  std::string sha256;      // of a regular file
  std::string target;      // of a symbolic link
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string origin;
};

// What artifacts with one init carry: both forms of an init have the same tree.
struct ManifestTree {
  std::string init;    // as in ManifestArtifact
  std::string digest;  // Tree::Digest()
  std::vector<std::string> scripts_not_run;
  std::vector<std::string> directives_not_enforced;
  std::vector<ManifestPackage> packages;
  std::vector<ManifestFile> files;
};

struct Manifest {
  std::string name;
  std::string inro_version;
  std::string source;          // "apt bookworm", "tar rootfs.tar", ...
  std::string kernel_release;  // empty when the kernel is a file whose release is not known
  std::vector<ManifestArtifact> artifacts;
  std::vector<ManifestTree> trees;

  // nullptr when there is none of that form.
  const ManifestArtifact* Artifact(std::string_view form) const;
  // The tree with that init; nullptr when there is none.
  const ManifestTree* TreeOf(std::string_view init) const;
};

// Every node of the tree, in order, with hashes..
std::vector<ManifestFile> ManifestFiles(const Tree& tree);

// The document: keys in a fixed order, two spaces of indentation but one line a file and a package,
// a newline at the end.
std::string WriteManifest(const Manifest& manifest);

// Reads one back. `name` is the file's name for errors. Strict: another schema, a key that is
// missing or unknown, a wrong type, an artifact's path that leaves the folder are kBadInput. Safe
// on any bytes.
Result<Manifest> ParseManifest(std::string_view bytes, const std::string& name);

}  // namespace inro::image
