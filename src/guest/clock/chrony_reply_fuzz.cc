// chronyd's reply, whoever sent it.
#include <cmath>
#include <cstdlib>

#include "guest/clock/chrony.h"
#include "guest/clock/state_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::guest::clock;
  const std::span<const std::uint8_t> bytes(data, size);
  const auto reply = ParseChronyReply(bytes, ChronyCommand::kTracking, 0x01020304);
  if (!reply) return 0;
  const auto tracking = ParseTracking(*reply);
  if (!tracking) return 0;
  KeeperState state;
  state.chrony_runs = true;
  state.tracking = *tracking;
  const std::string text = StateText(state, 7);
  if (StartsOf(text) != 7 || !std::isfinite(tracking->offset)) std::abort();
  return 0;
}
