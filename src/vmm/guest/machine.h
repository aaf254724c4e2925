// The virtual machine that a guest runs on, and QEMU's command line for it.
//
// Why q35, and why so little of it: with the stock cloud kernel under TCG, q35, pc and microvm
// reach /init within the noise of each other (microvm about 4 % sooner), and only q35 gives both
// PCI Express, which vhost-user, NVMe and NVDIMM want, and ACPI, which powering off wants. So it is
// q35 without what no guest here uses: no defaults, no display, no USB, no SATA, no network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::vmm {

enum class Accel { kAuto, kKvm, kTcg };
enum class DiskAttach { kNvme, kVirtioBlk, kNvdimm };
// Who carries vsock on the host: inro's own device over vhost-user, or /dev/vhost-vsock.
enum class VsockMode { kUser, kKernel };

// The words for these on a command line ("auto", "virtio-blk", ...). ParseX: kBadInput names the
// choices.
std::string_view Word(Accel accel);
std::string_view Word(DiskAttach attach);
std::string_view Word(VsockMode vsock);
Result<Accel> ParseAccel(std::string_view word);
Result<DiskAttach> ParseDiskAttach(std::string_view word);
Result<VsockMode> ParseVsockMode(std::string_view word);

// A raw disk image.
struct Disk {
  std::string path;
  bool readonly = true;
  std::string serial;  // as the guest reads it; empty: "inro-disk<N>"
  DiskAttach attach = DiskAttach::kNvme;
  std::uint64_t bytes = 0;  // size of the file; NVDIMM needs it (ResolveMachine fills it in)
};

struct MachineConfig {
  std::string kernel;                     // bzImage or ELF; required
  std::string initrd;                     // empty: none
  std::optional<Disk> image;              // the root disk: the first of its kind in the guest
  std::vector<Disk> disks;                // further disks
  std::vector<std::string> command_line;  // kernel parameters, a word each, in this order
  unsigned memory_mib = 1024;             // at least 64
  unsigned cpus = 2;                      // at least 1
  Accel accel = Accel::kAuto;             // ResolveMachine makes kAuto one of the others
  VsockMode vsock = VsockMode::kUser;
  std::uint32_t guest_cid = 3;              // 3 or more; with kKernel one of its own on this host
  std::vector<std::string> qemu_args;       // appended as they are
  std::string qemu = "qemu-system-x86_64";  // looked up in PATH
};

// Where the files of one run are, all in one folder that only its user can enter.
struct RunPaths {
  std::string folder;

  std::string console_log() const { return folder + "/console.log"; }
  std::string console_socket() const { return folder + "/console.sock"; }
  std::string qmp_socket() const { return folder + "/qmp.sock"; }
  std::string vhost_socket() const { return folder + "/vhost.sock"; }
  std::string hybrid_socket() const { return folder + "/vsock.sock"; }
  std::string log() const { return folder + "/qemu.log"; }
  std::string record() const { return folder + "/guest"; }  // guest_record.h
};

// QEMU's argument vector. Pure: the same config gives the same words. Errors (kBadInput): a value
// out of range, no kernel, an accelerator not yet resolved, an NVDIMM without its size.
Result<std::vector<std::string>> QemuCommand(const MachineConfig& config, const RunPaths& paths);

// The kernel parameters that every guest of inro and the floor get first, a word each. They change
// how fast the kernel comes up, not what it protects against; machine.cc says why for each.
// `verbose` leaves the kernel's messages on the console.
std::vector<std::string> BaseCommandLine(bool verbose);

// A command as one line that a shell can run.
std::string ShellQuote(const std::vector<std::string>& words);

}  // namespace inro::vmm
