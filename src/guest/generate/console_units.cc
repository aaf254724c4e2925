#include "guest/generate/topics.h"

namespace inro::guest::generate {
namespace {

// Kata's clients may open many consoles at once, and quickly one after another.
std::string SocketUnit(std::uint64_t port) {
  return fmt::format(
      "[Unit]\n"
      "Description=Debug console for the host\n"
      "DefaultDependencies=no\n"
      "Conflicts=shutdown.target\n"
      "Before=shutdown.target\n"
      "\n"
      "[Socket]\n"
      "ListenStream=vsock::{}\n"
      "Accept=yes\n"
      "Backlog=128\n"
      "MaxConnections=1024\n"
      "TriggerLimitIntervalSec=0\n",
      port);
}

constexpr std::string_view kConnectionUnit =
    "[Unit]\n"
    "Description=Debug console of one connection\n"
    "DefaultDependencies=no\n"
    "CollectMode=inactive-or-failed\n"
    "Conflicts=shutdown.target\n"
    "Before=shutdown.target\n"
    "\n"
    "[Service]\n"
    "ExecStart=-/usr/bin/inro-guest console\n"
    "StandardInput=socket\n"
    "StandardOutput=socket\n"
    "StandardError=null\n"
    "TimeoutStopSec=2s\n"
    "IgnoreSIGPIPE=no\n";

// `terminal` is a path below /dev.
std::string SerialUnit(std::string_view terminal) {
  return fmt::format(
      "[Unit]\n"
      "Description=Debug console on {0}\n"
      "DefaultDependencies=no\n"
      "Conflicts=shutdown.target\n"
      "Before=shutdown.target\n"
      "\n"
      "[Service]\n"
      "ExecStart=-/usr/bin/inro-guest console {0}\n"
      "StandardInput=null\n"
      "StandardOutput=null\n"
      "StandardError=null\n"
      "Restart=always\n"
      "RestartSec=200ms\n"
      "StartLimitIntervalSec=0\n"
      "TimeoutStopSec=2s\n"
      "IgnoreSIGPIPE=no\n",
      terminal);
}

}  // namespace

Result<> WriteConsoleUnits(const Guest& guest, Output& output) {
  const std::uint64_t port = guest.parameters.Number("agent.debug_console_vport");
  // In Kata 1.x the port alone asks for a console; today's runtimes always write both words.
  if (!guest.parameters.Bool("agent.debug_console")) return {};
  if (!protocol::ConsoleAllowed(guest.policy, guest.command_line)) return {};
  if (port != 0) {
    INRO_TRY(output.WriteUnit("inro-console.socket", SocketUnit(port)));
    INRO_TRY(output.WriteUnit("inro-console@.service", kConnectionUnit));
    return output.Want("kata-containers.target", "inro-console.socket");
  }
  INRO_TRY(output.WriteUnit("inro-console-serial.service", SerialUnit("/dev/console")));
  return output.Want("kata-containers.target", "inro-console-serial.service");
}

}  // namespace inro::guest::generate
