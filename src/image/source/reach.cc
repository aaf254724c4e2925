#include "image/source/reach.h"

#include <map>
#include <string_view>

namespace inro::image {

std::vector<Package> Reach(const std::vector<Package>& solution,
                           const std::vector<std::string>& roots,
                           const std::set<std::string>& exclude) {
  std::map<std::string_view, const Package*> by_name;
  for (const Package& package : solution) by_name.emplace(package.name, &package);
  std::map<std::string_view, const Package*> reached;
  std::vector<std::string_view> todo(roots.begin(), roots.end());
  while (!todo.empty()) {
    const std::string_view name = todo.back();
    todo.pop_back();
    const auto found = by_name.find(name);
    if (found == by_name.end() || exclude.contains(std::string(name))) continue;
    if (!reached.emplace(found->first, found->second).second) continue;
    todo.insert(todo.end(), found->second->depends.begin(), found->second->depends.end());
  }
  std::vector<Package> result;
  result.reserve(reached.size());
  for (const auto& [name, package] : reached) result.push_back(*package);
  return result;
}

}  // namespace inro::image
