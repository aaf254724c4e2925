#include "protocol/kernel_parameter.h"

#include <array>
#include <charconv>

namespace inro::protocol {
namespace {

using enum ParameterType;

constexpr auto kParameters = std::to_array<KernelParameter>({
    {"agent.debug_console", kFlag, "false", "start a debug console"},
    {"agent.debug_console_vport", kPort, "0", "vsock port of the debug console; 0: /dev/console"},
    {"agent.devmode", kFlag, "false", "keep core dumps"},
    {"agent.log", kLogLevel, "info", "the least severe level that is logged"},
    {"agent.log_vport", kPort, "0", "vsock port on which log lines are given out; 0: none"},
    {"agent.trace", kBool, "false", "send trace spans to the host"},
    {"agent.server_addr", kText, "vsock://-1:1024", "where the agent listens"},
    {"agent.passfd_listener_port", kPort, "0", "vsock port for passed descriptors; 0: none"},
    {"agent.hotplug_timeout", kSeconds, "3", "how long a hot-plugged device is waited for"},
    {"agent.cdh_api_timeout", kSeconds, "50", "limit of a call to the confidential data hub"},
    {"agent.image_pull_timeout", kSeconds, "1200", "limit of an image pull in the guest"},
    {"agent.cdi_timeout", kSeconds, "100", "how long CDI specifications are waited for"},
    {"agent.launch_process_timeout", kSeconds, "6", "limit of the start of a guest component"},
    {"agent.container_pipe_size", kNumber, "0", "bytes of a container's pipes; 0: the kernel's"},
    {"agent.config_file", kText, "", "a TOML file in place of these parameters"},
    {"cgroup_no_v1", kChoice, "", "\"all\": cgroup version 2 when the agent is PID 1", "all"},
    {"systemd.unified_cgroup_hierarchy", kBool, "false", "cgroup version 2"},
    {"agent.https_proxy", kText, "", "proxy for image pulls"},
    {"agent.no_proxy", kText, "", "hosts that are reached without the proxy"},
    {"agent.guest_components_rest_api", kChoice, "resource", "what the REST API offers",
     "all|attestation|resource"},
    {"agent.guest_components_procs", kChoice, "api-server-rest", "the last component to start",
     "none|attestation-agent|confidential-data-hub|api-server-rest"},
    {"agent.secure_storage_integrity", kBool, "true", "integrity of encrypted storage"},
    {"agent.visible_cdi_devices", kBool, "false", "show CDI devices to containers"},
    {"agent.mem_agent_enable", kBool, "false", "reclaim memory of containers"},
    {"agent.mem_agent_memcg_disable", kBool, "false", "mem agent: no memory cgroup work"},
    {"agent.mem_agent_memcg_swap", kBool, "false", "mem agent: use swap"},
    {"agent.mem_agent_memcg_swappiness_max", kNumber, "50", "mem agent: greatest swappiness"},
    {"agent.mem_agent_memcg_period_secs", kNumber, "600", "mem agent: seconds between rounds"},
    {"agent.mem_agent_memcg_period_psi_percent_limit", kNumber, "1",
     "mem agent: pressure that puts a round off"},
    {"agent.mem_agent_memcg_eviction_psi_percent_limit", kNumber, "1",
     "mem agent: pressure that ends an eviction"},
    {"agent.mem_agent_memcg_eviction_run_aging_count_min", kNumber, "3",
     "mem agent: agings before an eviction"},
    {"agent.mem_agent_compact_disable", kBool, "false", "mem agent: no compaction"},
    {"agent.mem_agent_compact_period_secs", kNumber, "600",
     "mem agent: seconds between compactions"},
    {"agent.mem_agent_compact_period_psi_percent_limit", kNumber, "1",
     "mem agent: pressure that puts a compaction off"},
    {"agent.mem_agent_compact_psi_percent_limit", kNumber, "5",
     "mem agent: pressure that ends a compaction"},
    {"agent.mem_agent_compact_sec_max", kNumber, "1800",
     "mem agent: longest compaction in seconds"},
    {"agent.mem_agent_compact_order", kNumber, "9", "mem agent: order of the pages to make"},
    {"agent.mem_agent_compact_threshold", kNumber, "0", "mem agent: free pages that are enough"},
    {"agent.mem_agent_compact_force_times", kNumber, "0",
     "mem agent: compaction after idle rounds"},
    // Of inro.
    {"inro.log_ring", kNumber, "1024", "KiB of log records that are kept in the guest"},
    {"inro.log_rate", kNumber, "10000", "records that one unit may log in 30 s; 0: no limit"},
    // Of Kata 1.x.
    {"agent.use_vsock", kBool, "false", "1.x: vsock instead of a serial channel"},
    {"agent.unified_cgroup_hierarchy", kBool, "false", "1.x: cgroup version 2"},
});

const KernelParameter* Find(std::string_view name) {
  for (const KernelParameter& parameter : kParameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

bool ParseNumber(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsChoice(std::string_view choices, std::string_view value) {
  while (true) {
    const std::size_t bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) return false;
    choices.remove_prefix(bar + 1);
  }
}

// The value to keep, or false when it is none. `bare`: the word had no '='.
bool Read(const KernelParameter& parameter, std::string_view text, bool bare, std::string& value) {
  value = text;
  std::uint64_t number = 0;
  LogLevel level{};
  switch (parameter.type) {
    case kFlag:
      value = "true";
      return bare;
    case kBool:
      if (bare || text == "true") value = "true";
      if (bare || text == "true" || text == "false") return true;
      // agent.trace=isolated and =collated of Kata 1.x also mean "on".
      if (parameter.name == "agent.trace" && (text == "isolated" || text == "collated")) {
        value = "true";
        return true;
      }
      if (!ParseNumber(text, number)) return false;
      value = number != 0 ? "true" : "false";
      return true;
    case kPort:
      return ParseNumber(text, number) && number < (std::uint64_t{1} << 31);
    case kSeconds:
      return ParseNumber(text, number) && number > 0;
    case kNumber:
      return ParseNumber(text, number);
    case kText:
      return !bare;
    case kLogLevel:
      return ParseLogLevel(text, level);
    case kChoice:
      return !bare && IsChoice(parameter.choices, text);
  }
  return false;
}

}  // namespace

std::span<const KernelParameter> KernelParameters() { return kParameters; }

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  static constexpr std::array<std::pair<std::string_view, LogLevel>, 9> kNames = {{
      {"critical", LogLevel::kCritical},
      {"fatal", LogLevel::kCritical},
      {"panic", LogLevel::kCritical},
      {"error", LogLevel::kError},
      {"warn", LogLevel::kWarn},
      {"warning", LogLevel::kWarn},
      {"info", LogLevel::kInfo},
      {"debug", LogLevel::kDebug},
      {"trace", LogLevel::kTrace},
  }};
  for (const auto& [name, named] : kNames) {
    if (name != text) continue;
    level = named;
    return true;
  }
  return false;
}

KernelCommandLine::KernelCommandLine(std::string_view line) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  while (true) {
    const std::size_t start = line.find_first_not_of(kSpace);
    if (start == std::string_view::npos) return;
    line.remove_prefix(start);
    const std::string_view word = line.substr(0, line.find_first_of(kSpace));
    line.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    const bool bare = equals == std::string_view::npos;
    const KernelParameter* parameter = Find(word.substr(0, equals));
    if (parameter == nullptr) continue;
    const std::string_view text = bare ? std::string_view() : word.substr(equals + 1);
    std::string value;
    if (Read(*parameter, text, bare, value)) {
      values_.insert_or_assign(parameter->name, std::move(value));
    } else {
      warnings_.push_back("kernel parameter " + std::string(word) + ": not understood, " +
                          std::string(parameter->name) + " stays at \"" +
                          std::string(Text(parameter->name)) + "\"");
    }
  }
}

bool KernelCommandLine::Has(std::string_view name) const { return values_.contains(name); }

std::string_view KernelCommandLine::Text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  const KernelParameter* parameter = Find(name);
  return parameter == nullptr ? std::string_view() : parameter->fallback;
}

bool KernelCommandLine::Bool(std::string_view name) const { return Text(name) == "true"; }

std::uint64_t KernelCommandLine::Number(std::string_view name) const {
  std::uint64_t value = 0;
  return ParseNumber(Text(name), value) ? value : 0;
}

LogLevel KernelCommandLine::Level(std::string_view name) const {
  LogLevel level = LogLevel::kInfo;
  ParseLogLevel(Text(name), level);
  return level;
}

}  // namespace inro::protocol
