// The artifacts that boot tests boot, each made once for all cases (and processes) that need it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/build/build.h"
#include "image/write/manifest.h"
#include "vmm/guest/machine.h"

namespace inro::boot_test {

// What to build: the text of an image.toml, or an example of images/ when `text` is empty.
struct GuestSpec {
  std::string name;
  std::string text;
  std::vector<image::Variant> variants;
};

// What was built.
struct GuestBuild {
  std::string folder;
  image::Manifest manifest;

  // The machine that boots the variant, with the kernel's messages on the console.
  Result<vmm::MachineConfig> Machine(const image::Variant& variant) const;
  Result<std::string> Path(const image::Variant& variant) const;
};

// Builds, or finds what an earlier case built from the same text with the same programs. A file
// lock lets other processes wait meanwhile.
Result<GuestBuild> BuildOnce(const GuestSpec& spec);

// True for the errors of a machine that has no way to a mirror: such a case is skipped.
bool NoMirror(const Error& error);

// images/debian in all four variants.
const std::vector<image::Variant>& AllVariants();
GuestSpec DebianSpec();
// images/debian with other settings: `top` goes before its first table, `sections` to its end.
GuestSpec DebianWith(const std::string& name, const std::string& top, const std::string& sections,
                     std::vector<image::Variant> variants);

// A further package for a guest made of images/debian.
void AddPackage(GuestSpec& spec, const std::string& package);

inline const image::Variant kInitrdInro{image::Form::kInitrd, "inro"};
inline const image::Variant kInitrdSystemd{image::Form::kInitrd, "systemd"};
inline const image::Variant kImageInro{image::Form::kImage, "inro"};
inline const image::Variant kImageSystemd{image::Form::kImage, "systemd"};

// "initrd_inro"
std::string VariantName(const image::Variant& variant);

}  // namespace inro::boot_test
