#include "unit/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

namespace inro::unit {
namespace {

using Index = std::map<const Unit*, std::size_t>;

std::string_view Reason(const Unit& unit) {
  switch (unit.state) {
    case LoadState::kNotFound:
      return "there is no such unit";
    case LoadState::kMasked:
      return "it is masked";
    case LoadState::kBad:
    case LoadState::kError:
      return unit.problem;
    case LoadState::kLoaded:
      break;
  }
  return "";
}

void AddUnique(std::vector<std::size_t>& list, std::size_t value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

// The loaded unit behind a name in a dependency; nullptr when it is not among the indexed ones.
const std::size_t* Look(const Loader& loader, const Index& index, const std::string& name) {
  const auto loaded = loader.units().find(loader.ResolveAlias(name));
  if (loaded == loader.units().end()) return nullptr;
  const auto at = index.find(loaded->second.get());
  return at == index.end() ? nullptr : &at->second;
}

// Fills in `after` of each job from the Before= and After= of all.
void AddOrder(const Loader& loader, std::vector<Job>& jobs) {
  Index index;
  for (std::size_t i = 0; i < jobs.size(); ++i) index[jobs[i].unit] = i;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Unit& unit = *jobs[i].unit;
    for (const std::string& name : unit.after) {
      const std::size_t* other = Look(loader, index, name);
      if (other != nullptr && *other != i) AddUnique(jobs[i].after, *other);
    }
    for (const std::string& name : unit.before) {
      const std::size_t* other = Look(loader, index, name);
      if (other != nullptr && *other != i) AddUnique(jobs[*other].after, i);
    }
  }
  // A target comes after its members, unless an order between the two is given already or one of
  // them opts out.
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Unit& unit = *jobs[i].unit;
    if (unit.kind != UnitKind::kTarget || !unit.default_dependencies) continue;
    for (const auto* list : {&unit.requires_, &unit.wants, &unit.binds_to, &unit.requisite}) {
      for (const std::string& name : *list) {
        const std::size_t* other = Look(loader, index, name);
        if (other == nullptr || *other == i || !jobs[*other].unit->default_dependencies) continue;
        if (std::ranges::find(jobs[*other].after, i) != jobs[*other].after.end()) continue;
        AddUnique(jobs[i].after, *other);
      }
    }
  }
}

// A cycle of `after` edges, each element coming after the next; empty when there is none. Without
// recursion: the depth is the tree's to choose.
std::vector<std::size_t> FindCycle(const std::vector<Job>& jobs) {
  enum class Mark : char { kNew, kOpen, kDone };
  std::vector<Mark> marks(jobs.size(), Mark::kNew);
  std::vector<std::pair<std::size_t, std::size_t>> path;  // job, next edge
  for (std::size_t start = 0; start < jobs.size(); ++start) {
    if (marks[start] != Mark::kNew) continue;
    path.assign(1, {start, 0});
    marks[start] = Mark::kOpen;
    while (!path.empty()) {
      auto& [job, edge] = path.back();
      if (edge == jobs[job].after.size()) {
        marks[job] = Mark::kDone;
        path.pop_back();
        continue;
      }
      const std::size_t next = jobs[job].after[edge++];
      if (marks[next] == Mark::kOpen) {
        std::vector<std::size_t> cycle;
        auto at = std::ranges::find(path, next, &std::pair<std::size_t, std::size_t>::first);
        for (; at != path.end(); ++at) cycle.push_back(at->first);
        return cycle;
      }
      if (marks[next] == Mark::kNew) {
        marks[next] = Mark::kOpen;
        path.emplace_back(next, 0);
      }
    }
  }
  return {};
}

std::string NameCycle(const std::vector<Job>& jobs, const std::vector<std::size_t>& cycle) {
  std::string text;
  for (std::size_t i = 0; i < cycle.size() && i < 16; ++i) {
    text += jobs[cycle[i]].unit->name + " after ";
  }
  return text + (cycle.size() > 16 ? "..." : jobs[cycle.front()].unit->name);
}

// Drops one job, those that require it, and those that nothing pulls in any longer. The first job
// is the anchor, and stays.
void DropJob(std::vector<Job>& jobs, std::size_t index, std::vector<std::string>& notes) {
  std::vector<bool> dropped(jobs.size(), false);
  dropped[index] = true;
  std::deque<std::size_t> open{index};
  while (!open.empty()) {
    const std::size_t gone = open.front();
    open.pop_front();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (dropped[i] || std::ranges::find(jobs[i].needs, gone) == jobs[i].needs.end()) continue;
      dropped[i] = true;
      open.push_back(i);
      notes.push_back(fmt::format("{} is not started either: it requires {}", jobs[i].unit->name,
                                  jobs[gone].unit->name));
    }
  }
  std::vector<bool> kept(jobs.size(), false);
  kept[0] = true;
  open.assign(1, 0);
  while (!open.empty()) {
    const std::size_t at = open.front();
    open.pop_front();
    for (const std::size_t other : jobs[at].pulls) {
      if (dropped[other] || kept[other]) continue;
      kept[other] = true;
      open.push_back(other);
    }
  }
  std::vector<std::size_t> place(jobs.size(), jobs.size());
  std::vector<Job> left;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!kept[i]) continue;
    place[i] = left.size();
    left.push_back(std::move(jobs[i]));
  }
  for (Job& job : left) {
    for (auto* list : {&job.after, &job.needs, &job.pulls}) {
      std::erase_if(*list, [&](std::size_t other) { return place[other] == place.size(); });
      for (std::size_t& other : *list) other = place[other];
    }
  }
  jobs = std::move(left);
}

// Breaks every cycle at a job that may be dropped; gives the names of one that has none.
std::string BreakCycles(std::vector<Job>& jobs, bool break_required,
                        std::vector<std::string>& notes) {
  while (true) {
    const std::vector<std::size_t> cycle = FindCycle(jobs);
    if (cycle.empty()) return "";
    const std::string names = NameCycle(jobs, cycle);
    const auto wanted =
        std::ranges::find_if(cycle, [&](std::size_t job) { return jobs[job].wanted_only; });
    if (wanted != cycle.end()) {
      notes.push_back(fmt::format("ordering cycle ({}): {} is not started, to break it", names,
                                  jobs[*wanted].unit->name));
      DropJob(jobs, *wanted, notes);
      continue;
    }
    if (!break_required) return names;
    const std::size_t from = cycle.back();
    const std::size_t to = cycle.front();
    notes.push_back(fmt::format("ordering cycle ({}): {} does not wait for {}, to break it", names,
                                jobs[from].unit->name, jobs[to].unit->name));
    std::erase(jobs[from].after, to);
  }
}

// What is active is not started: nobody waits for that. The anchor's job stays one.
void LoosenActive(std::vector<Job>& jobs, const TransactionRules& rules) {
  if (!rules.is_active) return;
  std::vector<bool> active(jobs.size(), false);
  for (std::size_t i = 1; i < jobs.size(); ++i) active[i] = rules.is_active(*jobs[i].unit);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (active[i]) jobs[i].after.clear();
    std::erase_if(jobs[i].after, [&](std::size_t other) { return active[other]; });
  }
}

// Sorts so that every edge points to a smaller index, stable by the given order otherwise.
void Sort(std::vector<Job>& jobs) {
  std::vector<std::size_t> place(jobs.size());
  std::vector<bool> done(jobs.size(), false);
  std::vector<std::size_t> waiting(jobs.size());
  std::vector<std::vector<std::size_t>> unlocks(jobs.size());
  std::set<std::size_t> ready;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    waiting[i] = jobs[i].after.size();
    for (const std::size_t other : jobs[i].after) unlocks[other].push_back(i);
    if (waiting[i] == 0) ready.insert(i);
  }
  std::vector<Job> sorted;
  sorted.reserve(jobs.size());
  while (!ready.empty()) {
    const std::size_t next = *ready.begin();
    ready.erase(ready.begin());
    place[next] = sorted.size();
    sorted.push_back(std::move(jobs[next]));
    for (const std::size_t other : unlocks[next]) {
      if (--waiting[other] == 0) ready.insert(other);
    }
  }
  for (Job& job : sorted) {
    for (auto* list : {&job.after, &job.needs, &job.pulls}) {
      for (std::size_t& other : *list) other = place[other];
    }
  }
  jobs = std::move(sorted);
}

// Collects the units to start. Breadth first, so that the depth of the tree costs no stack.
class Collector {
 public:
  Collector(Loader& loader, Transaction& transaction)
      : loader_(loader), transaction_(transaction) {}

  Result<> Collect(std::string_view start) {
    INRO_TRY(Pull(start, true, start));
    while (!queue_.empty()) {
      const std::size_t at = queue_.front();
      queue_.pop_front();
      INRO_TRY(PullDependencies(at));
    }
    return {};
  }

  // Whether required jobs reach a job decides whether it may be dropped.
  void MarkRequired() {
    auto& jobs = transaction_.jobs;
    if (jobs.empty()) return;
    std::deque<std::size_t> open{0};
    jobs[0].wanted_only = false;
    while (!open.empty()) {
      const std::size_t at = open.front();
      open.pop_front();
      for (const std::size_t other : jobs[at].needs) {
        if (!std::exchange(jobs[other].wanted_only, false)) continue;
        open.push_back(other);
      }
    }
  }

 private:
  // The index of the job for `name`, made when new. For a wanted unit that cannot be used: none.
  Result<std::optional<std::size_t>> Pull(std::string_view name, bool required,
                                          std::string_view by) {
    Unit* unit = loader_.Load(name);
    if (unit == nullptr) return Fail("{}: over {} units", name, Loader::kMaxUnits);
    if (unit->state != LoadState::kLoaded) {
      const std::string note = fmt::format("{} (for {}): {}", name, by, Reason(*unit));
      if (required) return FailAs(ErrorKind::kNotFound, "{}", note);
      // A wanted unit that is just absent or masked is nothing to speak of.
      const bool broken = unit->state == LoadState::kBad || unit->state == LoadState::kError;
      if (broken) transaction_.notes.push_back(note);
      return std::optional<std::size_t>();
    }
    const auto [at, fresh] = index_.emplace(unit, transaction_.jobs.size());
    if (fresh) {
      transaction_.jobs.push_back({unit, {}, {}, true, ""});
      queue_.push_back(at->second);
    }
    return std::optional(at->second);
  }

  Result<> PullDependencies(std::size_t at) {
    const Unit& unit = *transaction_.jobs[at].unit;
    std::string missing;
    for (const auto* list : {&unit.requires_, &unit.binds_to}) {
      for (const std::string& name : *list) {
        const auto other = Pull(name, true, unit.name);
        if (!other) {
          // The unit that requires it fails when its turn comes; only the start itself is an error.
          if (at == 0) return std::unexpected(other.error());
          missing = other.error().ToString();
          continue;
        }
        if (**other == at) continue;
        AddUnique(transaction_.jobs[at].needs, **other);
        AddUnique(transaction_.jobs[at].pulls, **other);
      }
    }
    if (!missing.empty()) {
      transaction_.jobs[at].problem = missing;
      transaction_.notes.push_back(fmt::format("{} cannot start: {}", unit.name, missing));
    }
    for (const auto* list : {&unit.wants, &unit.upholds}) {
      for (const std::string& name : *list) {
        INRO_ASSIGN(const auto other, Pull(name, false, unit.name));
        if (other && *other != at) AddUnique(transaction_.jobs[at].pulls, *other);
      }
    }
    return {};
  }

  Loader& loader_;
  Transaction& transaction_;
  Index index_;
  std::deque<std::size_t> queue_;
};

// Two units of one transaction that conflict: the one that is only wanted is not started.
Result<> ResolveConflicts(const Loader& loader, Transaction& transaction) {
  auto& jobs = transaction.jobs;
  Index index;
  for (std::size_t i = 0; i < jobs.size(); ++i) index[jobs[i].unit] = i;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (const std::string& name : jobs[i].unit->conflicts) {
      const std::size_t* found = Look(loader, index, name);
      if (found == nullptr || *found == i) continue;
      const std::size_t other = *found;
      if (!jobs[i].wanted_only && !jobs[other].wanted_only) {
        return Fail("{} and {} conflict, and both are required", jobs[i].unit->name,
                    jobs[other].unit->name);
      }
      const std::size_t dropped = jobs[other].wanted_only ? other : i;
      transaction.notes.push_back(fmt::format("{} and {} conflict: {} is not started",
                                              jobs[i].unit->name, jobs[other].unit->name,
                                              jobs[dropped].unit->name));
      DropJob(jobs, dropped, transaction.notes);
      return ResolveConflicts(loader, transaction);
    }
  }
  return {};
}

}  // namespace

Result<Transaction> BuildTransaction(Loader& loader, std::string_view start,
                                     const TransactionRules& rules) {
  Transaction transaction;
  Collector collector(loader, transaction);
  INRO_TRY(collector.Collect(start));
  collector.MarkRequired();
  INRO_TRY(ResolveConflicts(loader, transaction));
  AddOrder(loader, transaction.jobs);
  LoosenActive(transaction.jobs, rules);
  const std::string cycle =
      BreakCycles(transaction.jobs, rules.break_required_cycles, transaction.notes);
  if (!cycle.empty()) return Fail("ordering cycle ({}), and all of it is required", cycle);
  Sort(transaction.jobs);
  return transaction;
}

std::vector<Job> BuildStopOrder(Loader& loader, const std::vector<Unit*>& active) {
  std::vector<Job> jobs;
  jobs.reserve(active.size());
  for (Unit* unit : active) jobs.push_back({unit, {}, {}, false, ""});
  AddOrder(loader, jobs);
  std::vector<std::string> notes;
  BreakCycles(jobs, true, notes);
  std::vector<std::vector<std::size_t>> reversed(jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (const std::size_t other : jobs[i].after) reversed[other].push_back(i);
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].after = std::move(reversed[i]);
  Sort(jobs);
  return jobs;
}

}  // namespace inro::unit
