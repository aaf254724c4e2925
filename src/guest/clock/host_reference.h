// The host's clock over vsock (protocol/time_message.h), through one stream that is kept open and
// opened anew when it broke.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/unique_fd.h"
#include "guest/clock/clock_seam.h"
#include "wire/address.h"

namespace inro::guest::clock {

class HostReference final : public Reference {
 public:
  HostReference(wire::Address host, const GuestClock& clock)
      : host_(std::move(host)), clock_(clock) {}

  std::string_view name() const override { return "host"; }
  Result<Reading> Read() override;

 private:
  Result<> Connect();
  Result<Reading> Exchange();

  const wire::Address host_;
  const GuestClock& clock_;
  UniqueFd socket_;
  std::uint64_t sequence_ = 0;
};

}  // namespace inro::guest::clock
