#include "guest/generate/topics.h"

namespace inro::guest::generate {
namespace {

// It comes before all else, so that it stops after all else: what it sends last is the end of the
// root span. Services with default dependencies come after basic.target, and so after this one; the
// others are named.
constexpr std::string_view kUnit =
    "[Unit]\n"
    "Description=Trace spans of the guest for its host\n"
    "DefaultDependencies=no\n"
    "Conflicts=shutdown.target\n"
    "Before=shutdown.target sysinit.target basic.target kata-containers.target kata-agent.service\n"
    "Before=inro-logs.service inro-clock.service inro-control.service inro-console.socket\n"
    "Before=chrony.service chronyd.service dbus.service\n"
    "\n"
    "[Service]\n"
    "ExecStart=/usr/bin/inro-guest trace\n"
    "KillMode=mixed\n"
    "Restart=always\n"
    "RestartSec=100ms\n"
    "TimeoutStopSec=5s\n"
    "OOMScoreAdjust=-900\n"
    "StandardOutput=null\n";

}  // namespace

Result<> WriteTraceUnits(const Guest& guest, Output& output) {
  if (!guest.parameters.Bool("agent.trace")) return {};
  INRO_TRY(output.WriteUnit("inro-trace.service", kUnit));
  return output.Want("kata-containers.target", "inro-trace.service");
}

}  // namespace inro::guest::generate
