// DeviceAllow= and DevicePolicy= (systemd.resource-control(5)): which device nodes the processes of
// a control group may open and make, enforced by a BPF program on the group.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "unit/exec_settings.h"

namespace inro::guest::sandbox {

// Devices of one type, by number.
struct DeviceMatch {
  bool block = false;
  std::optional<unsigned> major, minor;  // absent: any
  std::uint8_t access = 0;               // of BPF_DEVCG_ACC_*
};

// Whether the settings restrict anything.
bool NeedsDeviceFilter(const unit::ResourceSettings& resources);

// The matches of all rules, and of what the policy adds. `devices` is the text of /proc/devices; a
// rule for a device or a driver that is absent matches nothing.
std::vector<DeviceMatch> ResolveDevices(const unit::ResourceSettings& resources,
                                        std::string_view devices);

std::vector<bpf_insn> DeviceProgram(const std::vector<DeviceMatch>& matches);

// Loads the program and attaches it to the group (a directory of a v2 hierarchy); all programs of
// a group have to agree.
Result<> AttachDeviceProgram(int cgroup, const std::vector<bpf_insn>& program);

}  // namespace inro::guest::sandbox
