#include "vmm/control/clock_state.h"

#include <nlohmann/json.hpp>

#include "vmm/control/control_call.h"

namespace inro::vmm {
namespace {

constexpr std::chrono::seconds kCallLimit{10};

// A member of the wrong type counts as missing: the guest is not trusted to be well-formed.
template <class T>
void Take(const nlohmann::json& object, const char* key, T& value) {
  const auto member = object.find(key);
  if (member == object.end()) return;
  if constexpr (std::is_same_v<T, bool>) {
    if (member->is_boolean()) value = member->get<bool>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (member->is_string()) value = member->get<std::string>();
  } else {
    if (member->is_number()) value = member->get<T>();
  }
}

ChronyTracking TrackingOf(const nlohmann::json& object) {
  ChronyTracking tracking;
  Take(object, "synchronised", tracking.synchronised);
  Take(object, "reference", tracking.reference);
  Take(object, "stratum", tracking.stratum);
  Take(object, "offset_s", tracking.offset_s);
  Take(object, "rms_offset_s", tracking.rms_offset_s);
  Take(object, "frequency_ppm", tracking.frequency_ppm);
  Take(object, "skew_ppm", tracking.skew_ppm);
  return tracking;
}

}  // namespace

Result<ClockState> ParseClockState(std::string_view json) {
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) return Fail("the state of the guest's clock is no JSON object");
  ClockState state;
  Take(object, "state", state.state);
  Take(object, "reference", state.reference);
  if (object.contains("offset_ns")) {
    state.offset_ns = 0;
    Take(object, "offset_ns", *state.offset_ns);
  }
  Take(object, "round_trip_ns", state.round_trip_ns);
  Take(object, "measured_at_ns", state.measured_at_ns);
  Take(object, "host_synchronised", state.host_synchronised);
  Take(object, "problem", state.problem);
  Take(object, "readings", state.readings);
  Take(object, "steps", state.steps);
  Take(object, "last_step_ns", state.last_step_ns);
  Take(object, "last_step_at_ns", state.last_step_at_ns);
  Take(object, "resets", state.resets);
  Take(object, "losses", state.losses);
  Take(object, "starts", state.starts);
  const auto chrony = object.find("chrony");
  if (chrony != object.end() && chrony->is_object()) {
    Take(*chrony, "running", state.chrony_running);
    Take(*chrony, "fed_by", state.chrony_fed_by);
    if (chrony->contains("stratum")) state.tracking = TrackingOf(*chrony);
  }
  return state;
}

Result<std::string> AskClockState(wire::Client& control) {
  const protocol::RoleStateRequest request{.role = "clock"};
  auto answer = CallControl<protocol::RoleStateResponse>(control, "RoleState", request,
                                                         wire::Client::Clock::now() + kCallLimit);
  if (answer) return std::move(answer->json);
  return std::unexpected(answer.error().Wrap("ask for the state of the guest's clock"));
}

}  // namespace inro::vmm
