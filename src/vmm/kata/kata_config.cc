#include "vmm/kata/kata_config.h"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <variant>

#include "base/toml.h"
#include "sys/file.h"

namespace inro::vmm {
namespace {

using Field =
    std::variant<std::string KataConfig::*, std::int64_t KataConfig::*, bool KataConfig::*>;
struct Setting {
  std::string_view key;
  Field field;
};

constexpr std::array<Setting, 12> kHypervisorSettings{{
    {"kernel", &KataConfig::kernel},
    {"image", &KataConfig::image},
    {"initrd", &KataConfig::initrd},
    {"rootfs_type", &KataConfig::rootfs_type},
    {"kernel_params", &KataConfig::kernel_params},
    {"kernel_verity_params", &KataConfig::kernel_verity_params},
    {"default_vcpus", &KataConfig::default_vcpus},
    {"default_maxvcpus", &KataConfig::default_maxvcpus},
    {"default_memory", &KataConfig::default_memory},
    {"disable_image_nvdimm", &KataConfig::disable_image_nvdimm},
    {"enable_debug", &KataConfig::enable_debug},
    {"disable_guest_selinux", &KataConfig::disable_guest_selinux},
}};

constexpr std::array<Setting, 6> kAgentSettings{{
    {"enable_debug", &KataConfig::agent_debug},
    {"enable_tracing", &KataConfig::agent_tracing},
    {"debug_console_enabled", &KataConfig::debug_console},
    {"container_pipe_size", &KataConfig::container_pipe_size},
    {"cdh_api_timeout", &KataConfig::cdh_api_timeout},
    {"launch_process_timeout", &KataConfig::launch_process_timeout},
}};

int Line(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::unexpected<Error> Bad(const std::string& file, int line, std::string message) {
  return std::unexpected(Error::InFile(file, line, std::move(message)));
}

// Where each setting was last given, for errors about two of them.
struct Places {
  std::string image_file, initrd_file, section_file;
  int image = 0, initrd = 0, section = 0;
};

struct Parsed {
  std::string file;
  toml::table table;
};

Result<Parsed> ParseToml(const KataSource& source) {
  try {
    return Parsed{source.file, toml::parse(source.text, source.file)};
  } catch (const toml::parse_error& error) {
    return Bad(source.file, static_cast<int>(error.source().begin.line),
               std::string(error.description()));
  }
}

// Takes the value of one setting into `config`.
Result<> Take(const std::string& file, std::string_view key, const toml::node& node,
              const Field& field, KataConfig& config) {
  const auto wrong = [&](std::string_view what) {
    return Bad(file, Line(node), fmt::format("'{}' must be {}", key, what));
  };
  if (const auto* text = std::get_if<std::string KataConfig::*>(&field)) {
    const auto* value = node.as_string();
    if (value == nullptr) return wrong("a text in quotes");
    config.*(*text) = value->get();
  } else if (const auto* number = std::get_if<std::int64_t KataConfig::*>(&field)) {
    // Kata 4 takes fractions of a vCPU and rounds them up for the machine.
    if (const auto* value = node.as_integer()) {
      config.*(*number) = value->get();
    } else if (const auto* fraction = node.as_floating_point();
               fraction != nullptr && std::abs(fraction->get()) < 1e9) {
      config.*(*number) = static_cast<std::int64_t>(std::ceil(fraction->get()));
    } else {
      return wrong("a number");
    }
  } else {
    const auto* value = node.as_boolean();
    if (value == nullptr) return wrong("true or false");
    config.*std::get<bool KataConfig::*>(field) = value->get();
  }
  return {};
}

template <std::size_t N>
Result<> TakeAll(const Parsed& source, const toml::table& table,
                 const std::array<Setting, N>& settings, KataConfig& config) {
  for (const Setting& setting : settings) {
    if (const toml::node* node = table.get(setting.key)) {
      INRO_TRY(Take(source.file, setting.key, *node, setting.field, config));
    }
  }
  return {};
}

// A list in a later file takes the place of an earlier one.
Result<> TakeExtensions(const std::string& file, const toml::table& table, KataConfig& config) {
  const toml::node* node = table.get("guest_extension_images");
  if (node == nullptr) return {};
  const auto wrong = [&](const toml::node& where) {
    return Bad(file, Line(where),
               "'guest_extension_images' must be tables with name, path and verity_params");
  };
  const toml::array* list = node->as_array();
  if (list == nullptr) return wrong(*node);
  config.extensions.clear();
  for (const toml::node& entry : *list) {
    const toml::table* one = entry.as_table();
    if (one == nullptr) return wrong(entry);
    KataExtension extension;
    for (const auto& [key, text] :
         {std::pair{"name", &extension.name}, std::pair{"path", &extension.path},
          std::pair{"verity_params", &extension.verity_params}}) {
      const toml::node* value = one->get(key);
      if (value == nullptr) continue;
      if (!value->is_string()) return wrong(*value);
      *text = value->as_string()->get();
    }
    if (extension.name.empty() || extension.path.empty()) return wrong(entry);
    config.extensions.push_back(std::move(extension));
  }
  return {};
}

// Table `second` in table `first`, or null.
Result<const toml::table*> SubTable(const Parsed& source, std::string_view first,
                                    std::string_view second) {
  const toml::node* outer = source.table.get(first);
  if (outer == nullptr) return nullptr;
  if (!outer->is_table()) {
    return Bad(source.file, Line(*outer), fmt::format("'{}' must be a table", first));
  }
  const toml::node* inner = outer->as_table()->get(second);
  if (inner == nullptr) return nullptr;
  if (!inner->is_table()) {
    return Bad(source.file, Line(*inner), fmt::format("'{}.{}' must be a table", first, second));
  }
  return inner->as_table();
}

// The only hypervisor section there is.
Result<std::string> OnlyHypervisor(const std::vector<Parsed>& sources) {
  std::vector<std::string> names;
  int line = 0;
  for (const Parsed& source : sources) {
    const toml::table* table = source.table["hypervisor"].as_table();
    if (table == nullptr) continue;
    for (const auto& [name, node] : *table) {
      if (!node.is_table()) continue;
      if (std::ranges::find(names, std::string(name.str())) == names.end()) {
        names.emplace_back(name.str());
        line = Line(node);
      }
    }
  }
  const std::string& file = sources.front().file;
  if (names.empty()) {
    return Bad(file, 0, "no [hypervisor.NAME] table: this is no Kata configuration");
  }
  if (names.size() == 1) return names.front();
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return Bad(file, line, fmt::format("several hypervisors ({}): name the one to use", list));
}

Result<> Validate(const KataConfig& config, const Places& places) {
  if (!config.image.empty() && !config.initrd.empty()) {
    const bool image_last = places.image > places.initrd;
    return Bad(
        image_last ? places.image_file : places.initrd_file, std::max(places.image, places.initrd),
        fmt::format("image and initrd cannot both be set: {} and {}; set one of them to \"\"",
                    config.image, config.initrd));
  }
  if (config.image.empty() && config.initrd.empty()) {
    return Bad(
        places.section_file, places.section,
        fmt::format("neither image nor initrd is set in [hypervisor.{}]", config.hypervisor));
  }
  if (config.kernel.empty()) {
    return Bad(places.section_file, places.section,
               fmt::format("no kernel is set in [hypervisor.{}]", config.hypervisor));
  }
  if (config.default_memory < 256 || config.default_memory > (std::int64_t{1} << 30)) {
    return Bad(places.section_file, places.section,
               fmt::format("default_memory = {} MiB; 256 is the least that Kata takes",
                           config.default_memory));
  }
  constexpr std::array<std::string_view, 3> kTypes{"ext4", "xfs", "erofs"};
  if (std::ranges::find(kTypes, config.rootfs_type) == kTypes.end()) {
    return Bad(
        places.section_file, places.section,
        fmt::format("rootfs_type = \"{}\"; it is one of: ext4, xfs, erofs", config.rootfs_type));
  }
  return {};
}

}  // namespace

Result<KataConfig> ParseKataConfig(const std::vector<KataSource>& sources,
                                   std::string_view hypervisor) {
  if (sources.empty()) return Fail("no Kata configuration given");
  std::vector<Parsed> parsed;
  for (const KataSource& source : sources) {
    INRO_ASSIGN(Parsed one, ParseToml(source));
    parsed.push_back(std::move(one));
  }
  KataConfig config;
  config.file = sources.front().file;
  config.hypervisor = hypervisor;
  if (hypervisor.empty()) {
    INRO_ASSIGN(config.hypervisor, OnlyHypervisor(parsed));
  }
  config.disable_image_nvdimm = config.hypervisor != "qemu";
  Places places{.section_file = config.file};
  bool found = false;
  for (const Parsed& source : parsed) {
    INRO_ASSIGN(const toml::table* table, SubTable(source, "hypervisor", config.hypervisor));
    if (table != nullptr) {
      if (!found) places.section = Line(*table);
      if (!found) places.section_file = source.file;
      found = true;
      INRO_TRY(TakeAll(source, *table, kHypervisorSettings, config));
      INRO_TRY(TakeExtensions(source.file, *table, config));
      if (const auto* node = table->get("image")) {
        places.image = Line(*node);
        places.image_file = source.file;
      }
      if (const auto* node = table->get("initrd")) {
        places.initrd = Line(*node);
        places.initrd_file = source.file;
      }
    }
    INRO_ASSIGN(const toml::table* agent, SubTable(source, "agent", "kata"));
    if (agent != nullptr) INRO_TRY(TakeAll(source, *agent, kAgentSettings, config));
  }
  if (!found) {
    return Bad(config.file, 0, fmt::format("no [hypervisor.{}] table", config.hypervisor));
  }
  // 0 stands for Kata's default.
  if (config.default_memory == 0) config.default_memory = 2048;
  if (config.default_vcpus == 0) config.default_vcpus = 1;
  INRO_TRY(Validate(config, places));
  return config;
}

Result<KataConfig> ReadKataConfig(const std::string& path, std::string_view hypervisor,
                                  std::string_view without) {
  std::vector<std::string> files{path};
  const std::size_t slash = path.rfind('/');
  const std::string folder =
      (slash == std::string::npos ? std::string() : path.substr(0, slash + 1)) + "config.d";
  if (const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), &::closedir); dir) {
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string_view name = entry->d_name;
      std::string file = fmt::format("{}/{}", folder, name);
      if (name.ends_with(".toml") && file != without) files.push_back(std::move(file));
    }
    std::sort(files.begin() + 1, files.end());
  }
  std::vector<KataSource> sources;
  for (const std::string& file : files) {
    auto text = sys::ReadFile(file, std::size_t{4} << 20);
    if (!text) return Bad(file, 0, text.error().ToString());
    sources.push_back({file, std::move(*text)});
  }
  return ParseKataConfig(sources, hypervisor);
}

bool LooksLikeKataConfig(std::string_view text) {
  const auto parsed = ParseToml({"", std::string(text)});
  if (!parsed) return false;
  const toml::table* table = parsed->table["hypervisor"].as_table();
  return table != nullptr &&
         std::ranges::any_of(*table, [](const auto& entry) { return entry.second.is_table(); });
}

}  // namespace inro::vmm
