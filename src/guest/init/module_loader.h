// Loads kernel modules by path, in the order of a list.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "guest/init/kernel_log.h"

namespace inro::guest {

// The paths of a list file: one a line, "#" comments; made absolute.
std::vector<std::string> ParseModuleList(std::string_view text);

// The same in groups: an empty line parts modules that do not depend on each other.
std::vector<std::vector<std::string>> ParseModuleGroups(std::string_view text);

class ModuleLoader {
 public:
  explicit ModuleLoader(KernelLog& log) : log_(log) {}

  // sys::LoadKernelModule for each. Built in, loaded already, absent: fine. Other failures are
  // logged and the rest is loaded. A path is tried once.
  void LoadPaths(const std::vector<std::string>& paths);
  // The same for groups that do not depend on each other, each on a thread of its own: checking a
  // module's signature is most of its loading, and processors can do that side by side. Returns
  // when all are done and their threads have ended.
  void LoadGroups(const std::vector<std::vector<std::string>>& groups);
  // The list file at `path`, its groups side by side; absent: nothing.
  void LoadList(const std::string& path);
  // By name ("vsock", "nf-tables") with dependencies, from /usr/lib/modules/RELEASE/modules.dep.
  // False when the module is not known there.
  bool LoadByName(std::string_view name);
  // All names in /etc, /run and /usr/lib modules-load.d, and modules_load= words.
  void LoadConfigured();

  int loaded() const { return loaded_; }

 private:
  // Paths whose module was not tried yet; they count as tried from now on.
  std::vector<std::string> TakeUntried(const std::vector<std::string>& paths);

  KernelLog& log_;
  std::set<std::string, std::less<>> tried_;
  int loaded_ = 0;
};

}  // namespace inro::guest
