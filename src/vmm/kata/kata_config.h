// Reads the settings of a Kata Containers configuration.toml that matter to a guest's boot
// (facts about them: docs/kata.md; the names are Kata's). Files of the folder `config.d` beside it
// are read over it in the order of their names, as Kata does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::vmm {

// An entry of guest_extension_images (Kata 4).
struct KataExtension {
  std::string name;
  std::string path;
  std::string verity_params;  // empty: not verified
  bool operator==(const KataExtension&) const = default;
};

struct KataConfig {
  std::string file;        // the configuration.toml itself
  std::string hypervisor;  // of [hypervisor.NAME]: "qemu", "clh", ...

  // [hypervisor.NAME]
  std::string kernel;
  std::string image;  // exactly one of image and initrd is set
  std::string initrd;
  std::string rootfs_type = "ext4";
  std::string kernel_params;
  std::string kernel_verity_params;
  std::int64_t default_vcpus = 1;      // below 0: as many as the host has
  std::int64_t default_maxvcpus = 0;   // 0: as many as the host has
  std::int64_t default_memory = 2048;  // MiB
  bool disable_image_nvdimm = false;   // other hypervisors than qemu have no NVDIMM: true there
  bool enable_debug = false;
  bool disable_guest_selinux = true;
  std::vector<KataExtension> extensions;

  // [agent.kata]
  bool agent_debug = false;
  bool agent_tracing = false;
  bool debug_console = false;
  std::int64_t container_pipe_size = 0;
  std::int64_t cdh_api_timeout = 0;
  std::int64_t launch_process_timeout = 0;

  bool nvdimm() const { return !disable_image_nvdimm; }
};

// One file of settings: its text and the name that errors give it.
struct KataSource {
  std::string file;
  std::string text;
};

// The settings of `sources`, a later one over an earlier. `hypervisor` chooses the section; empty:
// the only one, an error if there are several. Errors name file and line (kBadInput): TOML that is
// malformed, a value of the wrong type, no such section, both of image and initrd or neither, no
// kernel, impossible memory. Unknown keys are Kata's business.
Result<KataConfig> ParseKataConfig(const std::vector<KataSource>& sources,
                                   std::string_view hypervisor = "");

// The same for a configuration.toml and its config.d on disk. `without`: a file of config.d, by its
// path, that does not count.
Result<KataConfig> ReadKataConfig(const std::string& path, std::string_view hypervisor = "",
                                  std::string_view without = "");

// True when a TOML text looks like a Kata configuration: it has a [hypervisor.NAME] table. A text
// that cannot be read is none.
bool LooksLikeKataConfig(std::string_view text);

}  // namespace inro::vmm
