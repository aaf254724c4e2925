#include "report/measure_row.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace inro::report {
namespace {

using compare::GuestResult;
using compare::Samples;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double MedianOrNone(const Samples& samples) { return samples.n() > 0 ? samples.Median() : kNone; }

std::string SamplesText(const Samples& samples) {
  if (samples.n() == 0) return "not measured";
  if (samples.n() == 1) return fmt::format("{} (n=1)", Grouped(samples.Median()));
  return fmt::format("{} ({}-{}, n={})", Grouped(samples.Median()), Grouped(samples.Min()),
                     Grouped(samples.Max()), samples.n());
}

}  // namespace

std::string Grouped(double value) {
  const bool negative = value < 0;
  std::string digits = fmt::format("{:.0f}", std::abs(value));
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return negative ? "-" + digits : digits;
}

std::string Bytes(double bytes) {
  if (bytes < 1000) return fmt::format("{:.0f} B", bytes);
  if (bytes < 1e6) return fmt::format("{:.1f} kB", bytes / 1e3);
  return fmt::format("{:.1f} MB", bytes / 1e6);
}

std::string GuestTitle(const GuestResult& guest) {
  return fmt::format("{}, {}", guest.form, guest.init);
}

// Rows whose value and text come from one field of Measures.
#define INRO_COUNT_ROW(field, label, chart)                                                   \
  {#field, label, [](const GuestResult& g) { return static_cast<double>(g.measures.field); }, \
   [](const GuestResult& g) { return Grouped(static_cast<double>(g.measures.field)); }, chart}
#define INRO_BYTES_ROW(field, label, chart)                                                   \
  {#field, label, [](const GuestResult& g) { return static_cast<double>(g.measures.field); }, \
   [](const GuestResult& g) { return Bytes(static_cast<double>(g.measures.field)); }, chart}
#define INRO_SAMPLES_ROW(field, label, chart)                                          \
  {#field, label, [](const GuestResult& g) { return MedianOrNone(g.measures.field); }, \
   [](const GuestResult& g) { return SamplesText(g.measures.field); }, chart}

std::span<const MeasureRow> MeasureRows() {
  static const MeasureRow kRows[] = {
      INRO_SAMPLES_ROW(ready_ms, "agent ready, ms", true),
      {"ready_over_floor", "agent ready / floor",
       [](const GuestResult& g) { return g.measures.ready_over_floor; },
       [](const GuestResult& g) { return fmt::format("{:.2f}", g.measures.ready_over_floor); },
       true},
      INRO_SAMPLES_ROW(target_ms, "kata-containers.target, ms", true),
      INRO_BYTES_ROW(artifact_bytes, "artifact", true),
      INRO_BYTES_ROW(unpacked_bytes, "unpacked", false),
      INRO_COUNT_ROW(guest_memory_used_kib, "guest memory used, KiB", true),
      INRO_COUNT_ROW(agent_rss_kib, "agent resident, KiB", false),
      INRO_COUNT_ROW(init_rss_kib, "init resident, KiB", false),
      INRO_COUNT_ROW(roles_pss_kib, "init and roles, PSS KiB", true),
      INRO_COUNT_ROW(processes, "processes", false),
      INRO_COUNT_ROW(packages, "packages", false),
      INRO_COUNT_ROW(files, "files", false),
      INRO_COUNT_ROW(elf_programs, "ELF programs", true),
      INRO_COUNT_ROW(setuid_files, "setuid or setgid files", false),
  };
  return kRows;
}

#undef INRO_COUNT_ROW
#undef INRO_BYTES_ROW
#undef INRO_SAMPLES_ROW

}  // namespace inro::report
