// The guest's kernel: what a kernel package brings, which modules a guest needs of it, and in which
// order role `init` loads them.
//
// Files that this part and role init agree on, both in the guest's tree:
//   /usr/lib/inro/modules-early   absolute module paths, one a line, in the order of loading,
//   needed
//                                 before the root is mounted or any unit runs; an empty line parts
//                                 groups that do not depend on each other (loaded side by side)
//   /etc/modules-load.d/inro.conf module names, one a line (modules-load.d(5)): loaded after that
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

inline constexpr std::string_view kEarlyModulesFile = "usr/lib/inro/modules-early";
inline constexpr std::string_view kLateModulesFile = "etc/modules-load.d/inro.conf";

// How a kernel has a feature of its configuration.
enum class KernelFeature { kUnknown, kAbsent, kModule, kBuiltIn };

// The facts of a `.config`: CONFIG_X=y and =m. Others count as absent; without a file all are
// unknown.
class KernelConfig {
 public:
  KernelConfig() = default;
  static KernelConfig Parse(std::string_view text);
  bool known() const { return known_; }
  // `option` without "CONFIG_".
  KernelFeature Feature(std::string_view option) const;

 private:
  bool known_ = false;
  std::set<std::string, std::less<>> built_in_;
  std::set<std::string, std::less<>> modules_;
};

struct KernelFile {
  std::string bytes;    // as it is booted (a bzImage)
  std::string release;  // "6.1.0-56-cloud-amd64"; empty when the file does not tell
  std::string version;  // the whole version string of the setup header
};

// A module that goes into the guest.
struct GuestModule {
  std::string name;  // with "_", as lsmod shows it
  std::string path;  // in the guest: "usr/lib/modules/RELEASE/kernel/fs/erofs/erofs.ko"
  std::uint64_t size = 0;
};

struct Kernel {
  KernelFile file;
  KernelConfig config;
  Tree modules;  // usr/lib/modules/RELEASE with the selected modules and indexes
  std::vector<GuestModule> load_order;  // all selected ones, dependencies first
  std::vector<std::string> built_in;    // wanted ones that need no module
  std::vector<std::string> missing;     // wanted ones that the kernel has in no form
};

// Selects from an unpacked kernel package (boot/vmlinuz-*, lib/modules/RELEASE or the same below
// usr/). `wanted` are names with "-" or "_"; their dependencies ("depends" and soft "pre" ones that
// exist) come along; compressed modules (.xz, .zst, .gz) are decompressed. What is missing is
// reported, not an error. An error when the package holds no kernel or more than one.
Result<Kernel> SelectKernel(const Tree& package, const std::vector<std::string>& wanted);

// Modules for a kernel file of the user's own: `modules` is a tree with usr/lib/modules/RELEASE (or
// lib/modules), `config` its configuration; `built_in` are further names that need no module.
Result<Kernel> SelectModules(KernelFile file, KernelConfig config, const Tree& modules,
                             const std::vector<std::string>& wanted,
                             const std::vector<std::string>& built_in);

// The text of kEarlyModulesFile for these names and their closure, in load order. Names that are
// built in or were not selected are left out.
std::string EarlyModulesText(const Kernel& kernel, const std::vector<std::string>& names);
// The text of kLateModulesFile: the selected ones among `names`, in load order.
std::string LateModulesText(const Kernel& kernel, const std::vector<std::string>& names);

// Reads the setup header of a bzImage (Documentation/arch/x86/boot.rst of the kernel): an error of
// kind kBadInput when the bytes are none.
Result<KernelFile> InspectKernel(std::string bytes, std::string_view name);
// The same for a file of the host; `name.config` or `config-RELEASE` beside it is read as well.
struct InspectedKernel {
  KernelFile file;
  KernelConfig config;
  std::string config_path;  // empty: none was found
};
Result<InspectedKernel> InspectKernelFile(const std::string& path);

}  // namespace inro::image
