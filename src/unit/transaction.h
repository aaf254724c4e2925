// From a unit that is to be started to the set of units that are started with it and their order
// (systemd.unit(5): Wants=, Requires=, Requisite=, BindsTo=, Conflicts=, Before=, After=).
#pragma once

#include <functional>
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
  std::vector<std::size_t> pulls = {};  // jobs that are here for this one: required or wanted
};

struct Transaction {
  std::vector<Job>
      jobs;  // in an order that satisfies `after`: every edge points to a smaller index
  std::vector<std::string> notes;  // cycles broken, units dropped, each with its reason
};

struct TransactionRules {
  // Whether a cycle of orderings whose jobs are all required is broken at one ordering; else it is
  // an error, as in systemd. A boot goes on: a machine that does not come up helps nobody.
  bool break_required_cycles = false;
  // Units that need no start and wait for none; not set: no unit is one.
  std::function<bool(const Unit&)> is_active = {};
};

// An error when the unit itself, or one that it requires, cannot be used (not found, masked, bad),
// or two required units conflict. A cycle of orderings is broken by dropping a job that is only
// wanted, with those that require it and those that only they have pulled in; the notes name them.
Result<Transaction> BuildTransaction(Loader& loader, std::string_view start,
                                     const TransactionRules& rules = {});

// The order in which active units stop: the reverse of their start order (A stops before B if A is
// ordered after B). `active` are units of the loader. Each index in `after` points into the result.
std::vector<Job> BuildStopOrder(Loader& loader, const std::vector<Unit*>& active);

}  // namespace inro::unit
