#include "compare/feature.h"

namespace inro::compare {

std::span<const Feature> Features() {
  static constexpr Feature kFeatures[] = {
      {"logs", "agent log messages over vsock", "yes", "no"},
      {"console", "debug console", "yes", "no"},
      {"time", "guest time sync", "yes", "no"},
      {"tracing", "static tracing", "yes", "no"},
      {"agent", "start agent; easy to change", "yes", "yes"},
      {"services", "manage services", "yes", "no"},
      {"binaries", "launch additional binaries", "yes", "no"},
      {"mounts", "standard mounts", "yes", "yes"},
      {"distro", "distro can be changed", "yes", "yes"},
      {"iptables", "iptables in the guest", "yes", "yes"},
      {"chrony", "chrony in the guest", "yes", "no"},
      {"small", "small, few parts, fast boot", "no", "yes"},
      {"extensions", "Kata 4 guest extensions", "yes", "no"},
  };
  return kFeatures;
}

}  // namespace inro::compare
