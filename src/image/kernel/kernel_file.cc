#include <algorithm>
#include <array>

#include "image/elf/elf.h"
#include "image/kernel/kernel.h"
#include "sys/file.h"

namespace inro::image {
namespace {

// Offsets of the x86 setup header.
constexpr std::size_t kBootFlag = 0x1fe;
constexpr std::size_t kSignature = 0x202;
constexpr std::size_t kVersionPointer = 0x20e;
constexpr std::size_t kSetupStart = 0x200;

unsigned HalfWordAt(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]) |
         static_cast<unsigned>(static_cast<unsigned char>(bytes[at + 1])) << 8;
}

std::string FirstWord(std::string_view text) {
  return std::string(text.substr(0, text.find_first_of(" \n")));
}

}  // namespace

KernelConfig KernelConfig::Parse(std::string_view text) {
  KernelConfig config;
  config.known_ = true;
  constexpr std::string_view kPrefix = "CONFIG_";
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const std::size_t equals = line.find('=');
    if (line.starts_with(kPrefix) && equals != std::string_view::npos) {
      const std::string_view value = line.substr(equals + 1);
      const std::string_view name = line.substr(kPrefix.size(), equals - kPrefix.size());
      if (value == "y") config.built_in_.emplace(name);
      if (value == "m") config.modules_.emplace(name);
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return config;
}

KernelFeature KernelConfig::Feature(std::string_view option) const {
  if (!known_) return KernelFeature::kUnknown;
  if (built_in_.contains(option)) return KernelFeature::kBuiltIn;
  return modules_.contains(option) ? KernelFeature::kModule : KernelFeature::kAbsent;
}

Result<KernelFile> InspectKernel(std::string bytes, std::string_view name) {
  KernelFile file;
  if (IsElf(bytes)) {
    // A vmlinux, as Kata ships for some hypervisors; its banner names the release.
    constexpr std::string_view kBanner = "Linux version ";
    const std::size_t at = bytes.find(kBanner);
    if (at == std::string::npos) {
      return FailAs(ErrorKind::kBadInput, "{}: an ELF file, but no Linux kernel", name);
    }
    const std::size_t start = at + kBanner.size();
    const std::size_t end =
        std::min(bytes.find_first_of(std::string_view("\n\0", 2), start), bytes.size());
    file.version = bytes.substr(start, std::min<std::size_t>(end - start, 512));
  } else {
    if (bytes.size() < kVersionPointer + 2 || HalfWordAt(bytes, kBootFlag) != 0xaa55 ||
        std::string_view(bytes).substr(kSignature, 4) != "HdrS") {
      return FailAs(ErrorKind::kBadInput, "{}: no x86 kernel (a bzImage or a vmlinux is needed)",
                    name);
    }
    const std::size_t pointer = HalfWordAt(bytes, kVersionPointer);
    if (pointer != 0 && pointer + kSetupStart < bytes.size()) {
      const std::string_view rest = std::string_view(bytes).substr(pointer + kSetupStart, 512);
      file.version = rest.substr(0, rest.find('\0'));
    }
  }
  file.release = FirstWord(file.version);
  file.bytes = std::move(bytes);
  return file;
}

Result<InspectedKernel> InspectKernelFile(const std::string& path) {
  INRO_ASSIGN(std::string bytes, sys::ReadFile(path, std::size_t{256} << 20));
  InspectedKernel inspected;
  INRO_ASSIGN(inspected.file, InspectKernel(std::move(bytes), path));
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  for (const std::string& candidate :
       {path + ".config", fmt::format("{}/config-{}", folder, inspected.file.release)}) {
    if (!sys::Exists(candidate)) continue;
    INRO_ASSIGN(const std::string text, sys::ReadFile(candidate, std::size_t{8} << 20));
    inspected.config = KernelConfig::Parse(text);
    inspected.config_path = candidate;
    break;
  }
  return inspected;
}

}  // namespace inro::image
