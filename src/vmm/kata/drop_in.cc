#include "vmm/kata/drop_in.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sys/file.h"

namespace inro::vmm {
namespace {

// A TOML basic string.
std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

Result<> CheckPath(std::string_view what, const std::string& path) {
  if (path.starts_with('/')) return {};
  return FailAs(ErrorKind::kBadInput, "{} \"{}\": Kata needs an absolute path", what, path);
}

// The list replaces that of configuration.toml.
Result<> AddExtensions(const DropInArtifact& artifact, const KataConfig& base, std::string& text) {
  if (artifact.extensions.empty()) return {};
  std::vector<KataExtension> all = artifact.extensions;
  for (const KataExtension& users : base.extensions) {
    if (std::ranges::find(all, users.name, &KataExtension::name) == all.end()) all.push_back(users);
  }
  for (const KataExtension& extension : all) {
    INRO_TRY(CheckPath("extension", extension.path));
    text += fmt::format(
        "\n[[hypervisor.{}.guest_extension_images]]\nname = {}\npath = {}\nverity_params = {}\n",
        base.hypervisor, Quote(extension.name), Quote(extension.path),
        Quote(extension.verity_params));
  }
  return {};
}

Result<> RefuseStockKernelForImage(const DropInArtifact& artifact, const KataConfig& base) {
  if (artifact.form != ArtifactForm::kImage || artifact.kernel == DropInKernel::kUser) return {};
  const bool kept = artifact.kernel == DropInKernel::kKeep;
  const std::string& kernel = kept ? base.kernel : artifact.kernel_path;
  if (kept) {
    // A kernel that cannot be read here may still be there where Kata runs.
    const auto debian = IsDebianKernel(kernel);
    if (!debian || !*debian) return {};
  }
  return FailAs(
      ErrorKind::kBadInput,
      "image= does not boot with {}: it is Debian's stock kernel, where virtio-blk and "
      "nvdimm are modules, so the kernel cannot mount the {} that Kata names as root; {}, "
      "or use the initrd, which boots with either kernel",
      kernel, base.nvdimm() ? "/dev/pmem0p1" : "/dev/vda1",
      kept ? "name Kata's own kernel in configuration.toml"
           : "keep Kata's own kernel (no kernel line is written then)");
}

}  // namespace

std::string KernelVersionText(std::string_view head) {
  constexpr std::size_t kMagic = 0x202;
  constexpr std::size_t kVersion = 0x20e;
  if (head.size() < kVersion + 2 || head.substr(kMagic, 4) != "HdrS") return "";
  const auto byte = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(head[at]));
  };
  const std::size_t offset = byte(kVersion) | byte(kVersion + 1) << 8;
  if (offset == 0 || offset + 0x200 >= head.size()) return "";
  const std::string_view text = head.substr(offset + 0x200, 256);
  return std::string(text.substr(0, text.find('\0')));
}

Result<bool> IsDebianKernel(const std::string& path) {
  INRO_ASSIGN(const UniqueFd fd, sys::Open(path, O_RDONLY));
  // The version text lies below 64 KiB + 512 bytes: its offset has 16 bits.
  std::string head(std::size_t{66} * 1024, '\0');
  std::size_t filled = 0;
  while (filled < head.size()) {
    const ssize_t got = ::read(fd.get(), head.data() + filled, head.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read {}", path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  head.resize(filled);
  return KernelVersionText(head).find("debian-kernel@") != std::string::npos;
}

Result<std::string> DropInText(const DropInArtifact& artifact, const KataConfig& base) {
  const bool image = artifact.form == ArtifactForm::kImage;
  INRO_TRY(CheckPath(image ? "image" : "initrd", artifact.path));
  if (artifact.kernel != DropInKernel::kKeep) INRO_TRY(CheckPath("kernel", artifact.kernel_path));
  INRO_TRY(RefuseStockKernelForImage(artifact, base));
  constexpr std::array<std::string_view, 3> kTypes{"ext4", "xfs", "erofs"};
  if (image && std::ranges::find(kTypes, artifact.rootfs_type) == kTypes.end()) {
    return FailAs(ErrorKind::kBadInput,
                  "image {}: its root file system is {}; Kata takes ext4, xfs or erofs",
                  artifact.path, artifact.rootfs_type);
  }
  std::string text = fmt::format("# Written by inro: {} with init = {}.\n[hypervisor.{}]\n",
                                 image ? "an image" : "an initrd", artifact.init, base.hypervisor);
  if (artifact.kernel != DropInKernel::kKeep) {
    text += fmt::format("kernel = {}\n", Quote(artifact.kernel_path));
  }
  // Both set is an error for Kata; an empty text unsets the other one.
  text += fmt::format("image = {}\n", Quote(image ? artifact.path : ""));
  text += fmt::format("initrd = {}\n", Quote(image ? "" : artifact.path));
  if (image) text += fmt::format("rootfs_type = {}\n", Quote(artifact.rootfs_type));
  // The hashes of the image that was there before would not fit.
  if (!base.kernel_verity_params.empty()) text += "kernel_verity_params = \"\"\n";
  if (!artifact.kernel_params.empty()) {
    // This key replaces the whole line, so the user's own words are repeated, last, where they win.
    std::string params;
    for (const auto& word : artifact.kernel_params) params += word + " ";
    params += base.kernel_params;
    while (params.ends_with(' ')) params.pop_back();
    text += fmt::format("kernel_params = {}\n", Quote(params));
  }
  INRO_TRY(AddExtensions(artifact, base, text));
  return text;
}

std::string DropInPath(const std::string& configuration, const std::string& name) {
  const std::size_t slash = configuration.rfind('/');
  const std::string folder =
      slash == std::string::npos ? std::string() : configuration.substr(0, slash + 1);
  return fmt::format("{}config.d/{}.toml", folder, name);
}

Result<> WriteDropIn(const std::string& path, const DropInArtifact& artifact,
                     const KataConfig& base) {
  INRO_ASSIGN(const std::string text, DropInText(artifact, base));
  if (const std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0) {
    INRO_TRY(sys::MakeDirectories(path.substr(0, slash)));
  }
  return sys::WriteFileAtomically(path, text);
}

}  // namespace inro::vmm
