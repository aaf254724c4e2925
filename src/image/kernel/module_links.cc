#include "image/kernel/module_links.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace inro::image {
namespace {

using Indexes = std::vector<std::size_t>;

// Each module's own dependencies, in the order in which its symbol table needs them; what only
// "depends" names (a module without a symbol table) comes behind.
std::vector<Indexes> DirectDependencies(const std::vector<IndexedModule>& modules) {
  std::map<std::string_view, std::size_t> by_name;
  std::map<std::string_view, std::size_t> owners;
  for (std::size_t i = 0; i < modules.size(); ++i) {
    by_name.emplace(modules[i].name, i);
    for (const std::string& symbol : modules[i].info.symbols) owners.emplace(symbol, i);
  }
  std::vector<Indexes> direct(modules.size());
  for (std::size_t i = 0; i < modules.size(); ++i) {
    std::set<std::size_t> declared;
    for (const std::string& name : modules[i].info.depends) {
      if (const auto at = by_name.find(name); at != by_name.end()) declared.insert(at->second);
    }
    const auto take = [&](std::size_t needed) {
      if (declared.erase(needed) > 0) direct[i].push_back(needed);
    };
    for (const std::string& symbol : modules[i].info.needed_symbols) {
      if (const auto at = owners.find(symbol); at != owners.end()) take(at->second);
    }
    for (const std::string& name : modules[i].info.depends) {
      if (const auto at = by_name.find(name); at != by_name.end()) take(at->second);
    }
  }
  return direct;
}

// Ranks by a topological sort, users first, that takes the newest module without users next.
Indexes Ranks(const std::vector<Indexes>& direct) {
  Indexes users(direct.size(), 0);
  for (const Indexes& list : direct) {
    for (const std::size_t needed : list) ++users[needed];
  }
  Indexes ready;
  for (std::size_t i = 0; i < direct.size(); ++i) {
    if (users[i] == 0) ready.push_back(i);
  }
  Indexes ranks(direct.size(), direct.size());  // modules of a cycle stay last
  std::size_t next = 0;
  while (!ready.empty()) {
    const std::size_t at = ready.back();
    ready.pop_back();
    ranks[at] = next++;
    for (const std::size_t needed : direct[at]) {
      if (--users[needed] == 0) ready.push_back(needed);
    }
  }
  return ranks;
}

}  // namespace

void SortForIndex(std::vector<IndexedModule>& modules, const std::vector<std::string>& order) {
  std::map<std::string_view, std::size_t> places;
  for (const std::string& name : order) places.emplace(name, places.size());
  const auto place = [&](const IndexedModule& module) {
    const auto at = places.find(module.name);
    return std::pair(at == places.end() ? places.size() : at->second,
                     at == places.end() ? std::string_view(module.path) : std::string_view());
  };
  std::ranges::sort(
      modules, [&](const IndexedModule& a, const IndexedModule& b) { return place(a) < place(b); });
}

void LinkDependencies(std::vector<IndexedModule>& modules) {
  const std::vector<Indexes> direct = DirectDependencies(modules);
  const Indexes ranks = Ranks(direct);
  for (std::size_t i = 0; i < modules.size(); ++i) {
    std::set<std::size_t> closure;
    Indexes open = direct[i];
    while (!open.empty()) {
      const std::size_t needed = open.back();
      open.pop_back();
      if (needed == i || !closure.insert(needed).second) continue;
      open.insert(open.end(), direct[needed].begin(), direct[needed].end());
    }
    Indexes sorted(closure.begin(), closure.end());
    std::ranges::sort(sorted, {},
                      [&](std::size_t needed) { return std::pair(ranks[needed], needed); });
    modules[i].dependency_paths.clear();
    for (const std::size_t needed : sorted) {
      modules[i].dependency_paths.push_back(modules[needed].path);
    }
  }
}

}  // namespace inro::image
