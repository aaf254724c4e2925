#include "report/json_report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/measure_row.h"

namespace inro::report {
namespace {

using Json = nlohmann::ordered_json;

// Tenths of a millisecond are more than the clock's noise.
double Rounded(double value) { return std::round(value * 10) / 10; }

Json SamplesJson(const compare::Samples& samples) {
  return {{"median", Rounded(samples.Median())},
          {"min", Rounded(samples.Min())},
          {"max", Rounded(samples.Max())},
          {"n", samples.n()}};
}

Json MeasuresJson(const compare::Measures& m) {
  return {{"ready_ms", SamplesJson(m.ready_ms)},
          {"target_ms", SamplesJson(m.target_ms)},
          {"ready_over_floor", std::round(m.ready_over_floor * 1000) / 1000},
          {"artifact_bytes", m.artifact_bytes},
          {"unpacked_bytes", m.unpacked_bytes},
          {"packages", m.packages},
          {"files", m.files},
          {"elf_programs", m.elf_programs},
          {"setuid_files", m.setuid_files},
          {"guest_memory_used_kib", m.guest_memory_used_kib},
          {"agent_rss_kib", m.agent_rss_kib},
          {"init_rss_kib", m.init_rss_kib},
          {"roles_pss_kib", m.roles_pss_kib},
          {"processes", m.processes}};
}

Json GuestJson(const compare::GuestResult& guest) {
  Json features = Json::object();
  for (const auto& cell : guest.cells) {
    features[cell.feature] = {{"yes", cell.yes}, {"evidence", cell.evidence}};
  }
  Json events = Json::array();
  for (const auto& event : guest.events) {
    events.push_back({{"name", event.name}, {"at_ms", Rounded(event.at_ms)}});
  }
  Json spans = Json::array();
  for (const auto& span : guest.spans) {
    spans.push_back({{"name", span.name},
                     {"start_ms", Rounded(span.start_ms)},
                     {"end_ms", Rounded(span.end_ms)}});
  }
  return {{"form", guest.form},
          {"init", guest.init},
          {"artifact", guest.artifact},
          {"features", std::move(features)},
          {"measures", MeasuresJson(guest.measures)},
          {"timeline", {{"events", std::move(events)}, {"spans", std::move(spans)}}}};
}

}  // namespace

std::string JsonReport(const compare::Comparison& comparison) {
  Json guests = Json::array();
  for (const auto& guest : comparison.guests) guests.push_back(GuestJson(guest));
  const Json document = {{"schema", "inro-compare/1"},
                         {"name", comparison.name},
                         {"machine", comparison.machine},
                         {"poll_interval_ms", comparison.poll_interval_ms},
                         {"guests", std::move(guests)},
                         {"floor",
                          {{"ready_ms", SamplesJson(comparison.floor_ready_ms)},
                           {"memory_available_kib", comparison.floor_available_kib}}}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace inro::report
