#include "guest/control/extension_probe.h"

#include <algorithm>

#include "guest/control/mount_check.h"
#include "guest/control/unit_state.h"
#include "protocol/extension_parameter.h"
#include "sys/device_mapper.h"
#include "sys/file.h"

namespace inro::guest::control {
namespace {

constexpr std::string_view kName = "probe";
constexpr std::string_view kAgentUnit = "kata-agent.service";
constexpr std::size_t kLongestText = 256;

Result<> CheckDevice() {
  const std::string name = protocol::ExtensionSerial(kName);
  INRO_ASSIGN(const sys::MapperTarget target, sys::SystemDeviceMapper().Status(name));
  if (target.type != "verity") return Fail("{} is a {} device", name, target.type);
  if (!target.parameters.starts_with('V')) {
    return Fail("dm-verity says \"{}\" of {}", target.parameters, name);
  }
  return {};
}

Result<> CheckMount(const std::string& point) {
  INRO_ASSIGN(const std::string table, sys::ReadFile("/proc/self/mountinfo"));
  const std::vector<Mount> mounts = ParseMountInfo(table);
  const auto mount = std::ranges::find(mounts, point, &Mount::point);
  if (mount == mounts.end()) return Fail("nothing is mounted at {}", point);
  if (mount->type != "erofs") return Fail("{} is a {}", point, mount->type);
  if (sys::WriteFile(point + "/written", "x")) return Fail("{} can be written to", point);
  return {};
}

}  // namespace

Result<std::uint64_t> LeadOverAgent(const std::vector<protocol::UnitState>& units,
                                    std::string_view unit) {
  const auto find = [&](std::string_view name) {
    return std::ranges::find(units, name, &protocol::UnitState::name);
  };
  const auto extension = find(unit);
  const auto agent = find(kAgentUnit);
  if (extension == units.end() || agent == units.end()) {
    return Fail("there is no unit {}", extension == units.end() ? unit : kAgentUnit);
  }
  if (extension->state != "active" || extension->active_us == 0) {
    return Fail("{} is {}", unit, extension->state);
  }
  if (agent->started_us < extension->active_us) {
    return Fail("{} began to start {} us before {} was active", kAgentUnit,
                extension->active_us - agent->started_us, unit);
  }
  return agent->started_us - extension->active_us;
}

Result<std::string> ProbeExtensions() {
  const std::string point = protocol::ExtensionMountPoint(kName);
  INRO_TRY(CheckMount(point));
  INRO_ASSIGN(std::string text,
              sys::ReadFile(fmt::format("{}/{}", point, kExtensionProbeFile), kLongestText));
  text.resize(std::min(text.find('\n'), text.size()));
  INRO_TRY(CheckDevice());
  const std::string unit = protocol::ExtensionUnit(kName);
  INRO_ASSIGN(const std::vector<protocol::UnitState> units, ReadUnits());
  INRO_ASSIGN(const std::uint64_t lead, LeadOverAgent(units, unit));
  return fmt::format(
      "\"{}\" read from {} (EROFS, read-only, dm-verity status V); {} was active {:.1f} ms before "
      "the agent began to start",
      text, point, unit, static_cast<double>(lead) / 1000);
}

}  // namespace inro::guest::control
