// What a running guest is: a small file in its run folder, written by its owner, read by others.
//
// One "KEY VALUE" a line; a value ends at the line's end and cannot hold a newline. Keys that are
// not known are skipped, so that an older program can read a newer one's guests.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "vmm/guest/machine.h"

namespace inro::vmm {

struct GuestRecord {
  std::string name;
  std::string artifact;  // path of what was booted; empty when not known
  std::string form;      // "image", "initrd" or empty
  std::string init;      // "inro", "systemd", a path, or empty when not known
  unsigned memory_mib = 0;
  unsigned cpus = 0;
  VsockMode vsock = VsockMode::kUser;
  std::uint32_t cid = 0;
  pid_t owner_pid = 0;  // whose end is the guest's end
  pid_t supervisor_pid = 0;
  pid_t qemu_pid = 0;
  std::chrono::nanoseconds started{};  // CLOCK_BOOTTIME when QEMU was executed
  std::int64_t started_at = 0;         // seconds since 1970
  double ready_ms = 0;                 // from QEMU's exec to the agent's answer; 0: not yet
  // Of a guest that has ended (ended_guest.h).
  std::int64_t ended_at = 0;  // seconds since 1970
  std::string end;            // how: GuestExit::ToString()

  bool operator==(const GuestRecord&) const = default;
};

std::string Encode(const GuestRecord& record);
// kBadInput when a number is none or a vsock mode is not known.
Result<GuestRecord> ParseGuestRecord(std::string_view text);

// In the folder of a run; written as a whole or not at all.
Result<> WriteGuestRecord(const RunPaths& paths, const GuestRecord& record);
Result<GuestRecord> ReadGuestRecord(const RunPaths& paths);

}  // namespace inro::vmm
