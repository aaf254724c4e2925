#include "image/source/oci_choice.h"

#include <algorithm>
#include <set>

namespace inro::image {
namespace {

// Debian's names of architectures that differ from those of OCI, which are Go's GOARCH.
constexpr struct {
  std::string_view debian;
  std::string_view architecture;
  std::string_view variant;
} kArchitectures[] = {
    {"i386", "386", ""},        {"armel", "arm", "v5"},   {"armhf", "arm", "v7"},
    {"ppc64el", "ppc64le", ""}, {"mipsel", "mipsle", ""}, {"mips64el", "mips64le", ""},
};

bool Fits(std::string_view os, std::string_view architecture, std::string_view variant,
          const OciPlatform& platform) {
  return (os.empty() || os == "linux") &&
         (architecture.empty() || architecture == platform.architecture) &&
         (variant.empty() || platform.variant.empty() || variant == platform.variant);
}

bool IsImage(const OciDescriptor& entry) {
  const OciMedia media = OciMediaOf(entry.media_type);
  return media == OciMedia::kIndex || media == OciMedia::kManifest;
}

// The tag of an image's name: what follows the last colon, unless that belongs to a port.
std::string_view TagOf(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string_view::npos || name.find('/', colon) != std::string_view::npos) return "";
  return name.substr(colon + 1);
}

bool HasTag(const OciDescriptor& entry, std::string_view tag) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{entry.ref_name, entry.image_name},
      [&](std::string_view name) { return !name.empty() && (name == tag || TagOf(name) == tag); });
}

std::string Quoted(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!name.empty()) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", name);
  }
  return text.empty() ? "none with a name" : text;
}

std::string NameOf(const OciDescriptor& entry) {
  return entry.ref_name.empty() ? entry.image_name : entry.ref_name;
}

std::string PlatformText(const OciDescriptor& entry) {
  return fmt::format("{}/{}{}{}", entry.os.empty() ? "linux" : entry.os, entry.architecture,
                     entry.variant.empty() ? "" : "/", entry.variant);
}

}  // namespace

OciPlatform OciPlatformOf(std::string_view debian_architecture) {
  const auto* row = std::ranges::find_if(
      kArchitectures, [&](const auto& known) { return known.debian == debian_architecture; });
  if (row == std::end(kArchitectures)) return {std::string(debian_architecture), ""};
  return {std::string(row->architecture), std::string(row->variant)};
}

Result<OciDescriptor> ChooseOciEntry(const std::vector<OciDescriptor>& entries,
                                     const OciPlatform& platform, std::string_view tag,
                                     std::string_view name) {
  std::vector<const OciDescriptor*> fitting;
  std::set<std::string> names, platforms;
  for (const OciDescriptor& entry : entries) {
    if (!IsImage(entry)) continue;
    names.insert(NameOf(entry));
    if (!tag.empty() && !HasTag(entry, tag)) continue;
    if (!entry.architecture.empty()) platforms.insert(PlatformText(entry));
    if (Fits(entry.os, entry.architecture, entry.variant, platform)) fitting.push_back(&entry);
  }
  if (names.empty()) return FailAs(ErrorKind::kBadInput, "{}: there is no image in it", name);
  if (fitting.empty() && platforms.empty()) {
    return FailAs(ErrorKind::kBadInput, "{}: no image has the tag \"{}\"; there are {}", name, tag,
                  Quoted(names));
  }
  if (fitting.empty()) {
    return FailAs(ErrorKind::kBadInput, "{}: no image for linux/{}{}{}; there are {}", name,
                  platform.architecture, platform.variant.empty() ? "" : "/", platform.variant,
                  Quoted(platforms));
  }
  std::set<std::string> fitting_names;
  for (const OciDescriptor* entry : fitting) fitting_names.insert(NameOf(*entry));
  if (fitting_names.size() > 1 && tag.empty()) {
    return FailAs(ErrorKind::kBadInput, "{}: several images: set source.tag to one of {}", name,
                  Quoted(fitting_names));
  }
  return *fitting.front();
}

bool FitsPlatform(const OciConfig& config, const OciPlatform& platform) {
  return Fits(config.os, config.architecture, config.variant, platform);
}

}  // namespace inro::image
