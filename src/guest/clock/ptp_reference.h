// The host's clock through the hypervisor: the PTP device of the module ptp_kvm.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "guest/clock/clock_seam.h"

namespace inro::guest::clock {

class PtpReference final : public Reference {
 public:
  // Nothing where /dev/ptp0 is absent, another kind of device, or does not answer.
  static std::unique_ptr<PtpReference> Open(const GuestClock& clock);

  std::string_view name() const override { return "ptp_kvm"; }
  Result<Reading> Read() override;

 private:
  PtpReference(UniqueFd device, const GuestClock& clock)
      : device_(std::move(device)), clock_(clock) {}

  const UniqueFd device_;
  const GuestClock& clock_;
};

// Whether this processor says that its hypervisor is KVM: only then is ptp_kvm worth loading.
bool RunsUnderKvm();

// Loads ptp_kvm by modprobe, where the device is not there yet. Waits for it.
void LoadPtpModule();

}  // namespace inro::guest::clock
