// From a unit that is to be started to the set of units that are started with it and their order
// (systemd.unit(5): Wants=, Requires=, Requisite=, BindsTo=, Conflicts=, Before=, After=).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "unit/loader.h"

namespace inro::unit {

// One unit to start.
struct Job {
  Unit* unit = nullptr;
  std::vector<std::size_t> after;  // jobs that must have ended (well or not) before this begins
  std::vector<std::size_t> needs;  // jobs of required units: if one fails, this fails too
  bool wanted_only = true;         // nothing required pulls it in
  std::string problem;             // why it cannot start: what it requires cannot be used
};

struct Transaction {
  std::vector<Job>
      jobs;  // in an order that satisfies `after`: every edge points to a smaller index
  std::vector<std::string> notes;  // cycles broken, units dropped, each with its reason
};

// An error when the unit itself, or one that it requires, cannot be used (not found, masked, bad),
// or two required units conflict. A cycle of orderings is broken by dropping a job that is only
// wanted, else an edge; the notes name its units.
Result<Transaction> BuildTransaction(Loader& loader, std::string_view start);

// The order in which active units stop: the reverse of their start order (A stops before B if A is
// ordered after B). `active` are units of the loader. Each index in `after` points into the result.
std::vector<Job> BuildStopOrder(Loader& loader, const std::vector<Unit*>& active);

}  // namespace inro::unit
