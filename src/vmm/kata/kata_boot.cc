#include "vmm/kata/kata_boot.h"

#include <algorithm>
#include <charconv>

#include "protocol/extension_parameter.h"

namespace inro::vmm {
namespace {

using Words = std::vector<std::string>;

// What each hypervisor's driver puts first. `console` is what inro's machine has for it.
struct MachineRow {
  std::string_view hypervisor;  // empty: any other
  std::string_view words;
  std::string_view debug;
  std::string_view release;
};
constexpr MachineRow kMachines[] = {
    {"clh", "panic=1 no_timer_check noreplace-smp console=ttyS0,115200n8",
     "systemd.log_target=console", "quiet"},
    {"",
     "tsc=reliable no_timer_check rcupdate.rcu_expedited=1 i8042.direct=1 i8042.dumbkbd=1 "
     "i8042.nopnp=1 i8042.noaux=1 noreplace-smp reboot=k cryptomgr.notests net.ifnames=0 "
     "pci=lastbus=0 console=ttyS0",
     "debug", "quiet"},
};

const MachineRow& RowFor(std::string_view hypervisor) {
  for (const MachineRow& row : kMachines) {
    if (row.hypervisor == hypervisor || row.hypervisor.empty()) return row;
  }
  return kMachines[1];
}

void Split(std::string_view text, Words& words) {
  constexpr std::string_view kSpace = " \t\r\n";
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::uint64_t NumberOr0(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

bool IsHex(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

Result<> AddRoot(const KataConfig& config, Words& words) {
  const bool pmem = config.nvdimm();
  const std::string partition = pmem ? "/dev/pmem0p" : "/dev/vda";
  std::string root = partition + "1";
  if (!config.kernel_verity_params.empty()) {
    const auto verity = ParseVerityParams(config.kernel_verity_params);
    if (!verity) {
      return std::unexpected(Error::InFile(config.file, 0, verity.error().message()));
    }
    words.push_back(fmt::format(
        "dm-mod.create=\"dm-verity,,,ro,0 {} verity 1 {}1 {}2 {} {} {} 0 sha256 {} {}\"",
        verity->data_blocks * (verity->data_block_size / 512), partition, partition,
        verity->data_block_size, verity->hash_block_size, verity->data_blocks, verity->root_hash,
        verity->salt));
    root = "/dev/dm-0";
  }
  words.push_back("root=" + root);
  // With DAX, ext4 takes it as one option more, the others as their only one; "ro" is a word of its
  // own after a space, as the runtime writes it.
  if (config.rootfs_type == "ext4") {
    words.push_back(
        fmt::format("rootflags={}data=ordered,errors=remount-ro ro", pmem ? "dax," : ""));
  } else {
    words.push_back(fmt::format("rootflags={}ro", pmem ? "dax " : ""));
  }
  words.push_back("rootfstype=" + config.rootfs_type);
  return {};
}

void AddAgent(const KataConfig& config, Words& words) {
  if (config.agent_debug) words.emplace_back("agent.log=debug");
  if (config.agent_tracing) words.emplace_back("agent.trace=true");
  if (config.container_pipe_size > 0) {
    words.push_back(fmt::format("agent.container_pipe_size={}", config.container_pipe_size));
  }
  if (config.debug_console) {
    words.emplace_back("agent.debug_console");
    words.emplace_back("agent.debug_console_vport=1026");
  }
  if (config.cdh_api_timeout > 0) {
    words.push_back(fmt::format("agent.cdh_api_timeout={}", config.cdh_api_timeout));
  }
  if (config.launch_process_timeout > 0) {
    words.push_back(fmt::format("agent.launch_process_timeout={}", config.launch_process_timeout));
  }
}

}  // namespace

Result<VerityParams> ParseVerityParams(std::string_view text) {
  VerityParams params;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    if (name == "root_hash") {
      params.root_hash = value;
    } else if (name == "salt") {
      params.salt = value;
    } else if (name == "data_blocks") {
      params.data_blocks = NumberOr0(value);
    } else if (name == "data_block_size") {
      params.data_block_size = NumberOr0(value);
    } else if (name == "hash_block_size") {
      params.hash_block_size = NumberOr0(value);
    } else {
      return FailAs(ErrorKind::kBadInput, "kernel_verity_params: unknown \"{}\"", part);
    }
  }
  if (!IsHex(params.root_hash) || !IsHex(params.salt)) {
    return FailAs(ErrorKind::kBadInput,
                  "kernel_verity_params: root_hash and salt must be hexadecimal");
  }
  const bool blocks = params.data_blocks > 0 && params.data_blocks < (std::uint64_t{1} << 48);
  const auto size_ok = [](std::uint64_t size) {
    return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
  };
  if (!blocks || !size_ok(params.data_block_size) || !size_ok(params.hash_block_size)) {
    return FailAs(ErrorKind::kBadInput,
                  "kernel_verity_params: data_blocks must be a number over 0, data_block_size and "
                  "hash_block_size powers of two from 512 to 65536");
  }
  return params;
}

Result<std::vector<std::string>> KataCommandLine(const KataConfig& config, unsigned host_cpus) {
  const MachineRow& row = RowFor(config.hypervisor);
  const bool clh = row.hypervisor == "clh";
  const bool image = !config.image.empty();
  Words words;
  Split(row.words, words);
  // Cloud Hypervisor's driver names a root for an initrd too; the kernel ignores it there.
  if (image || clh) INRO_TRY(AddRoot(config, words));
  Split(config.enable_debug ? row.debug : row.release, words);
  if (image) {
    words.emplace_back(config.enable_debug ? "systemd.show_status=true"
                                           : "systemd.show_status=false");
    if (config.enable_debug) words.emplace_back("systemd.log_level=debug");
  }
  if (!clh) {
    words.emplace_back("panic=1");
    const auto most = config.default_maxvcpus > 0 ? config.default_maxvcpus
                                                  : static_cast<std::int64_t>(host_cpus);
    words.push_back(fmt::format("nr_cpus={}", std::max<std::int64_t>(most, 1)));
    if (config.disable_guest_selinux) words.emplace_back("selinux=0");
  }
  if (image) {
    Split(
        "systemd.unit=kata-containers.target systemd.mask=systemd-networkd.service "
        "systemd.mask=systemd-networkd.socket",
        words);
  }
  AddAgent(config, words);
  for (const KataExtension& extension : config.extensions) {
    std::string word = protocol::ExtensionParameter(extension.name);
    if (!extension.verity_params.empty()) word += "=" + extension.verity_params;
    words.push_back(std::move(word));
  }
  Split(config.kernel_params, words);
  return words;
}

Result<MachineConfig> KataMachine(const KataConfig& config, unsigned host_cpus) {
  MachineConfig machine;
  machine.kernel = config.kernel;
  machine.initrd = config.initrd;
  if (!config.image.empty()) {
    machine.image = Disk{.path = config.image,
                         .attach = config.nvdimm() ? DiskAttach::kNvdimm : DiskAttach::kVirtioBlk};
  }
  machine.memory_mib = static_cast<unsigned>(config.default_memory);
  const auto cpus =
      config.default_vcpus < 0 ? static_cast<std::int64_t>(host_cpus) : config.default_vcpus;
  machine.cpus = static_cast<unsigned>(std::clamp<std::int64_t>(cpus, 1, 255));
  INRO_ASSIGN(machine.command_line, KataCommandLine(config, host_cpus));
  for (const KataExtension& extension : config.extensions) {
    machine.disks.push_back({.path = extension.path,
                             .serial = protocol::ExtensionSerial(extension.name),
                             .attach = DiskAttach::kVirtioBlk});
  }
  return machine;
}

}  // namespace inro::vmm
