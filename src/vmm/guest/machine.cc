#include "vmm/guest/machine.h"

#include <algorithm>
#include <array>
#include <utility>

namespace inro::vmm {
namespace {

template <class T>
using WordRow = std::pair<std::string_view, T>;

constexpr std::array<WordRow<Accel>, 3> kAccelWords{
    {{"auto", Accel::kAuto}, {"kvm", Accel::kKvm}, {"tcg", Accel::kTcg}}};
constexpr std::array<WordRow<DiskAttach>, 3> kAttachWords{{{"nvme", DiskAttach::kNvme},
                                                           {"virtio-blk", DiskAttach::kVirtioBlk},
                                                           {"nvdimm", DiskAttach::kNvdimm}}};
constexpr std::array<WordRow<VsockMode>, 2> kVsockWords{
    {{"user", VsockMode::kUser}, {"kernel", VsockMode::kKernel}}};

template <class T, std::size_t N>
std::string_view WordOf(const std::array<WordRow<T>, N>& rows, T value) {
  for (const auto& [word, row] : rows) {
    if (row == value) return word;
  }
  return "?";
}

template <class T, std::size_t N>
Result<T> Parse(const std::array<WordRow<T>, N>& rows, std::string_view what,
                std::string_view word) {
  std::string choices;
  for (const auto& [name, value] : rows) {
    if (name == word) return value;
    if (!choices.empty()) choices += ", ";
    choices += name;
  }
  return FailAs(ErrorKind::kBadInput, "\"{}\" is no {}; it is one of: {}", word, what, choices);
}

// In QEMU's option lists a comma ends a value, unless it is doubled.
std::string Escape(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    escaped += c;
    if (c == ',') escaped += ',';
  }
  return escaped;
}

using Words = std::vector<std::string>;

void Add(Words& words, std::string option, std::string value) {
  words.push_back(std::move(option));
  words.push_back(std::move(value));
}

// One disk. NVDIMM maps the file itself, so that guests share the host's pages of it.
Result<> AddDisk(Words& words, const Disk& disk, std::size_t number) {
  const std::string id = fmt::format("disk{}", number);
  const std::string serial = Escape(disk.serial.empty() ? "inro-" + id : disk.serial);
  const std::string path = Escape(disk.path);
  const char* readonly = disk.readonly ? "on" : "off";
  if (disk.attach == DiskAttach::kNvdimm) {
    if (disk.bytes == 0) {
      return FailAs(ErrorKind::kBadInput, "{}: an NVDIMM needs a file that is not empty",
                    disk.path);
    }
    // A read-only backing is only accepted by an "unarmed" NVDIMM: the guest sees it read-only.
    Add(words, "-object",
        fmt::format("memory-backend-file,id={},mem-path={},size={},share={},readonly={}", id, path,
                    disk.bytes, disk.readonly ? "off" : "on", readonly));
    Add(words, "-device",
        fmt::format("nvdimm,id=nv-{},memdev={}{}", id, id, disk.readonly ? ",unarmed=on" : ""));
    return {};
  }
  Add(words, "-drive",
      fmt::format("if=none,id={},file={},format=raw,readonly={}", id, path, readonly));
  const bool nvme = disk.attach == DiskAttach::kNvme;
  Add(words, "-device",
      fmt::format("{},drive={},serial={}", nvme ? "nvme" : "virtio-blk-pci", id, serial));
  return {};
}

Result<> Check(const MachineConfig& config) {
  if (config.kernel.empty()) return FailAs(ErrorKind::kBadInput, "no kernel given");
  if (config.memory_mib < 64) {
    return FailAs(ErrorKind::kBadInput, "{} MiB of memory are too few; 64 is the least",
                  config.memory_mib);
  }
  if (config.cpus < 1 || config.cpus > 255) {
    return FailAs(ErrorKind::kBadInput, "{} CPUs; from 1 to 255 are possible", config.cpus);
  }
  if (config.guest_cid < 3 || config.guest_cid == 0xffffffff) {
    return FailAs(ErrorKind::kBadInput, "guest CID {} is reserved; take 3 or more",
                  config.guest_cid);
  }
  if (config.accel == Accel::kAuto) {
    return FailAs(ErrorKind::kBadInput, "accelerator not chosen yet: resolve the machine first");
  }
  return {};
}

std::string Join(const Words& words) {
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += ' ';
    line += word;
  }
  return line;
}

}  // namespace

std::string_view Word(Accel accel) { return WordOf(kAccelWords, accel); }
std::string_view Word(DiskAttach attach) { return WordOf(kAttachWords, attach); }
std::string_view Word(VsockMode vsock) { return WordOf(kVsockWords, vsock); }
Result<Accel> ParseAccel(std::string_view word) { return Parse(kAccelWords, "accelerator", word); }
Result<DiskAttach> ParseDiskAttach(std::string_view word) {
  return Parse(kAttachWords, "way to attach a disk", word);
}
Result<VsockMode> ParseVsockMode(std::string_view word) {
  return Parse(kVsockWords, "kind of vsock", word);
}

Result<std::vector<std::string>> QemuCommand(const MachineConfig& config, const RunPaths& paths) {
  INRO_TRY(Check(config));
  std::vector<const Disk*> disks;
  if (config.image) disks.push_back(&*config.image);
  for (const Disk& disk : config.disks) disks.push_back(&disk);
  std::uint64_t nvdimm_bytes = 0;
  std::size_t nvdimms = 0;
  for (const Disk* disk : disks) {
    if (disk->attach != DiskAttach::kNvdimm) continue;
    nvdimm_bytes += disk->bytes;
    ++nvdimms;
  }

  const bool kvm = config.accel == Accel::kKvm;
  Words words{config.qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"};
  Add(words, "-machine",
      fmt::format("q35,accel={},memory-backend=mem,usb=off,sata=off,smbus=off,vmport=off{}",
                  kvm ? "kvm" : "tcg", nvdimms > 0 ? ",nvdimm=on" : ""));
  // TCG runs "rep movsb" a byte at a time: without these two flags the guest's kernel copies by
  // words, which makes its start (an initrd is copied as a whole) a good deal shorter.
  Add(words, "-cpu", kvm ? "host" : "max,erms=off,fsrm=off");
  Add(words, "-smp", std::to_string(config.cpus));
  // Shared memory from a memfd: a vhost-user device maps the guest's memory through it.
  Add(words, "-object",
      fmt::format("memory-backend-memfd,id=mem,size={}M,share=on", config.memory_mib));
  std::string memory = fmt::format("{}M", config.memory_mib);
  if (nvdimms > 0) {
    constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
    memory += fmt::format(",slots={},maxmem={}M", nvdimms,
                          config.memory_mib + (nvdimm_bytes + kMib - 1) / kMib + 128 * nvdimms);
  }
  Add(words, "-m", std::move(memory));

  Add(words, "-kernel", config.kernel);
  if (!config.initrd.empty()) Add(words, "-initrd", config.initrd);
  if (!config.command_line.empty()) Add(words, "-append", Join(config.command_line));

  Add(words, "-chardev",
      fmt::format("socket,id=console,path={},server=on,wait=off,logfile={}",
                  Escape(paths.console_socket()), Escape(paths.console_log())));
  Add(words, "-serial", "chardev:console");
  Add(words, "-qmp", fmt::format("unix:{},server=on,wait=off", Escape(paths.qmp_socket())));
  Add(words, "-device", "virtio-rng-pci");
  if (config.vsock == VsockMode::kUser) {
    Add(words, "-chardev", fmt::format("socket,id=vsock,path={}", Escape(paths.vhost_socket())));
    Add(words, "-device", "vhost-user-vsock-pci,chardev=vsock");
  } else {
    Add(words, "-device", fmt::format("vhost-vsock-pci,guest-cid={}", config.guest_cid));
  }
  for (std::size_t i = 0; i < disks.size(); ++i) INRO_TRY(AddDisk(words, *disks[i], i));
  // QEMU needs neither new programs nor more rights once it runs; a guest that breaks into it gets
  // neither.
  Add(words, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  words.insert(words.end(), config.qemu_args.begin(), config.qemu_args.end());
  return words;
}

std::string ShellQuote(const std::vector<std::string>& words) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=,./:@%";
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) {
      if (c == '\'') {
        line += "'\\''";
      } else {
        line += c;
      }
    }
    line += '\'';
  }
  return line;
}

}  // namespace inro::vmm
