// Finds and reads units by name: search path, aliases, masks, drop-ins, .wants/ and .requires/
// folders, templates (systemd.unit(5), "UNIT FILE LOAD PATH").
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sys/file_source.h"
#include "unit/search_folders.h"
#include "unit/unit.h"

namespace inro::unit {

// Folders of unit files, the most important first: /etc, /run, /usr/lib, with those of generators
// and of the administrator's commands in between.
std::vector<std::string> DefaultSearchPath();

struct LoaderOptions {
  std::vector<std::string> search_path = DefaultSearchPath();
  SystemFacts facts;
  std::vector<std::string> masked;  // also masked (systemd.mask= on the kernel command line)
  // Standard targets and slices exist, empty, where no file defines them.
  bool builtin_targets = true;
};

// Owns the units it has loaded; pointers to them stay valid as long as it lives. At most
// kMaxUnits: a hostile tree cannot exhaust memory.
//
// The search path is seen as it was at the first Load(): files that appear later are not found. To
// read all again (systemctl daemon-reload): make a second Loader on the same file source, after the
// generators have run anew, Load() in it the names of what is running or has jobs, and compare
// Unit::fingerprint with that of the unit of the same name in the first; equal numbers mean equal
// files. Then keep the second Loader and drop the first once nothing points into it. A unit that
// still runs but is gone from the disk has LoadState::kNotFound in the second: keep the old Unit
// (Take()) until it stops.
class Loader {
 public:
  static constexpr std::size_t kMaxUnits = 4096;

  Loader(const sys::FileSource& files, LoaderOptions options);

  // The unit of that name or alias, loaded at first use. Never nullptr for a valid name unless
  // there are kMaxUnits already: a unit that cannot be used has its LoadState and problem.
  Unit* Load(std::string_view name);
  // The real name behind an alias, without loading; the name itself when it is none.
  std::string ResolveAlias(std::string_view name) const;
  // Loaded units by real name.
  const std::map<std::string, std::unique_ptr<Unit>, std::less<>>& units() const { return units_; }
  // Names of all unit files in the search path (templates and aliases too), sorted.
  std::vector<std::string> ListNames() const;

  // Hands a loaded unit over to the caller; it is not in units() any more. nullptr: no such unit.
  std::unique_ptr<Unit> Take(std::string_view name);
  // All paths of files of that name in the search path, the one that counts first.
  std::vector<std::string> FragmentPaths(std::string_view name) const {
    return folders_.Find(name);
  }

  // What was found while loading, in order; bounded.
  const Findings& findings() const { return findings_; }
  Findings TakeFindings() { return std::exchange(findings_, {}); }

 private:
  struct Fragment {
    std::string path;
    std::string alias_of;  // the path is a link to a unit of this name
    bool masked = false;
  };
  Fragment FindFragment(std::string_view name) const;
  Fragment Inspect(const std::string& path, std::string_view name) const;
  void ReadInto(Unit& unit, const std::string& path);  // the unit's own file
  std::optional<Error> Apply(Unit& unit, const std::string& path, std::string_view text);
  void MarkBroken(Unit& unit, const std::string& path, const Error& error);
  // A dependency on itself means nothing, as in systemd.
  static void DropItself(Unit& unit);
  void ReadDropIns(Unit& unit, std::string_view given);
  void ReadLinkFolders(Unit& unit);
  std::vector<std::string> DropInFolders(const std::vector<std::string>& names) const;
  void Note(FindingKind kind, const std::string& file, int line, std::string message);

  const sys::FileSource& files_;
  LoaderOptions options_;
  SearchFolders folders_;
  std::map<std::string, std::unique_ptr<Unit>, std::less<>> units_;
  Findings findings_;
};

}  // namespace inro::unit
