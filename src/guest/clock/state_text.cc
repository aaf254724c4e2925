#include "guest/clock/state_text.h"

#include <charconv>
#include <cmath>

#include "base/json_string.h"

namespace inro::guest::clock {
namespace {

constexpr std::string_view kStarts = "\"starts\":";

// JSON knows no infinity; ten digits are below a nanosecond of a second.
std::string Number(double value) {
  return std::isfinite(value) ? fmt::format("{:.10g}", value) : std::string("null");
}

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendJsonString(text, quoted);
  return quoted;
}

std::string_view Condition(const KeeperState& state) {
  if (state.reference.empty()) return "no reference";
  if (state.reading && IsOffBy(*state.reading, kJump)) return "off";
  return "synchronised";
}

std::string ChronyText(const KeeperState& state) {
  std::string text = fmt::format(R"({{"running":{},"fed_by":"{}")", state.chrony_runs,
                                 !state.chrony_runs ? "nobody"
                                 : state.chrony_fed ? "clock"
                                                    : "itself");
  if (state.tracking) {
    const Tracking& tracking = *state.tracking;
    text += fmt::format(
        R"(,"synchronised":{},"reference":{},"stratum":{},"offset_s":{},"last_offset_s":{},)"
        R"("rms_offset_s":{},"frequency_ppm":{},"skew_ppm":{},"root_delay_s":{},)"
        R"("root_dispersion_s":{},"update_interval_s":{})",
        tracking.synchronised(), Quoted(tracking.ReferenceName()), tracking.stratum,
        Number(tracking.offset), Number(tracking.last_offset), Number(tracking.rms_offset),
        Number(tracking.frequency_ppm), Number(tracking.skew_ppm), Number(tracking.root_delay),
        Number(tracking.root_dispersion), Number(tracking.update_interval));
  }
  return text + "}";
}

}  // namespace

std::string StateText(const KeeperState& state, std::uint64_t starts) {
  std::string text = fmt::format(R"({{"state":"{}","reference":{})", Condition(state),
                                 state.reference.empty() ? "null" : Quoted(state.reference));
  if (state.reading) {
    text += fmt::format(
        R"(,"offset_ns":{},"round_trip_ns":{},"measured_at_ns":{},"host_synchronised":{})",
        state.reading->offset, state.reading->round_trip, state.reading->local,
        state.reading->reference_synchronised);
  }
  if (!state.problem.empty()) text += fmt::format(R"(,"problem":{})", Quoted(state.problem));
  text += fmt::format(
      R"(,"readings":{},"steps":{},"last_step_ns":{},"last_step_at_ns":{},"fed":{},"resets":{},)"
      R"("losses":{},{}{},"chrony":{}}})",
      state.readings, state.steps, state.last_step, state.last_step_at, state.fed, state.resets,
      state.losses, kStarts, starts, ChronyText(state));
  return text + "\n";
}

std::uint64_t StartsOf(std::string_view text) {
  const std::size_t at = text.find(kStarts);
  std::uint64_t starts = 0;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + kStarts.size(), text.data() + text.size(), starts);
  }
  return starts;
}

}  // namespace inro::guest::clock
