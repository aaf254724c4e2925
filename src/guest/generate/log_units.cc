#include "guest/generate/topics.h"

namespace inro::guest::generate {
namespace {

constexpr const char* kJournald = "/usr/lib/systemd/systemd-journald";
// Kata's own agent, where the definition brings one; it serves its log port itself.
constexpr const char* kKataAgent = "/usr/bin/kata-agent";

// The init listens, so that no reader is refused before the collector runs or while it is started
// again.
std::string SocketUnit(std::uint64_t port) {
  return fmt::format(
      "[Unit]\n"
      "Description=Log of the guest for the host\n"
      "DefaultDependencies=no\n"
      "IgnoreOnIsolate=yes\n"
      "\n"
      "[Socket]\n"
      "ListenStream=vsock::{}\n"
      "Backlog=64\n"
      "Service=inro-logs.service\n",
      port);
}

constexpr std::string_view kServiceDropIn =
    "[Service]\n"
    "Sockets=inro-logs-host.socket\n";

// The guest's program may be a mount of its own (nested initrd). The collector runs until the very
// end: systemd must not try to unmount its program before.
constexpr std::string_view kBinaryMount = R"(usr-bin-inro\x2dguest.mount.d/50-logs.conf)";
constexpr std::string_view kBinaryMountDropIn =
    "[Unit]\n"
    "DefaultDependencies=no\n";

constexpr std::string_view kJournaldDropIn =
    "[Journal]\n"
    "ForwardToSyslog=yes\n"
    "MaxLevelSyslog=debug\n";

}  // namespace

Result<> WriteLogUnits(const Guest& guest, Output& output) {
  using Type = sys::FileSource::Type;
  if (guest.files.TypeOf(kJournald) != Type::kAbsent) {
    INRO_TRY(output.WriteRunFile("systemd/journald.conf.d/50-inro-logs.conf", kJournaldDropIn));
    INRO_TRY(output.WriteUnit(kBinaryMount, kBinaryMountDropIn));
  }
  const std::uint64_t port = guest.parameters.Number("agent.log_vport");
  if (port == 0 || guest.files.TypeOf(kKataAgent) != Type::kAbsent) return {};
  INRO_TRY(output.WriteUnit("inro-logs-host.socket", SocketUnit(port)));
  INRO_TRY(output.WriteUnit("inro-logs.service.d/50-host.conf", kServiceDropIn));
  return output.Want("kata-containers.target", "inro-logs-host.socket");
}

}  // namespace inro::guest::generate
