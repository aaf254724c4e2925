#include "vmm/guest/power_off.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kQmpLimit{10};
constexpr std::chrono::seconds kQuitLimit{5};

}  // namespace

std::string_view Word(PowerOffWay way) {
  switch (way) {
    case PowerOffWay::kAgent:
      return "agent";
    case PowerOffWay::kAcpi:
      return "acpi";
    case PowerOffWay::kQuit:
      return "quit";
    case PowerOffWay::kKilled:
      return "killed";
  }
  return "?";
}

Result<PowerOffWay> EndGuest(const GuestHandle& guest, const PowerOffOptions& options) {
  INRO_ASSIGN(bool ended, guest.wait(milliseconds(0)));
  if (ended) return PowerOffWay::kAgent;
  if (options.ask_agent && options.ask_agent()) {
    INRO_ASSIGN(ended, guest.wait(options.agent_limit));
    if (ended) return PowerOffWay::kAgent;
  }
  const auto monitor = guest.monitor();
  if (monitor && options.acpi_limit.count() > 0 &&
      (*monitor)->Execute("system_powerdown", kQmpLimit)) {
    INRO_ASSIGN(ended, guest.wait(options.acpi_limit));
    if (ended) return PowerOffWay::kAcpi;
  }
  if (monitor && (*monitor)->Execute("quit", kQmpLimit)) {
    INRO_ASSIGN(ended, guest.wait(kQuitLimit));
    if (ended) return PowerOffWay::kQuit;
  }
  guest.kill();
  return PowerOffWay::kKilled;
}

}  // namespace inro::vmm
