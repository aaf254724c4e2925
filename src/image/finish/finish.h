// Finishing rules: what maintainer scripts would have done to a tree that was unpacked without
// them, as a table of rules that are applied in order. Each rule has an id, says what it replaces,
// and marks the nodes it makes with it (Node::origin = "rule ID").
//
// The same table finishes trees whose scripts did run (mmdebstrap, tar, directory): of it then only
// the rules that every guest needs are applied (`scripts_ran`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/source/source.h"

namespace inro::image {

// A user of the definition. Ids that are not given are the first free ones of their range
// (100-999 for system users, 1000-59999 for others); a group of the user's name is made with it.
struct GuestUser {
  std::string name;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::string home;   // empty: /nonexistent for system users, else /home/NAME, which is made
  std::string shell;  // empty: /usr/sbin/nologin for system users, else /bin/bash or /bin/sh
  std::string comment;
  bool system = false;
  std::vector<std::string> groups;  // further groups; missing ones are made as system groups
};

struct FinishOptions {
  // The maintainer scripts were run by the source: rules that only replace scripts are left out.
  bool scripts_ran = false;
  std::string hostname;  // empty: no /etc/hostname is written
  std::vector<GuestUser> users;
  std::vector<std::string> enabled_units;  // by their [Install] section, as `systemctl enable`
  std::vector<std::string> masked_units;   // linked to /dev/null
  std::string default_target;  // empty: /etc/systemd/system/default.target is left alone
  std::string init_program;    // where /usr/sbin/init shall point to; empty: left as it is
  bool prune = true;
  // Path globs ("*" does not cross "/", "**" does); what matches `keep` or lies above such a path
  // stays. Empty `prune_remove`: DefaultPruneRemove() and DefaultPruneKeep().
  std::vector<std::string> prune_remove;
  std::vector<std::string> prune_keep;
  bool library_cache = true;  // write /etc/ld.so.cache
};

enum class ScriptClass {
  kCovered,   // a rule does what it would do
  kHarmless,  // nothing is lost, for the reason given
  kNotRun,    // something it would do is not done
};
std::string_view ScriptClassName(ScriptClass value);  // "covered", "harmless", "not run"

struct ScriptReport {
  std::string package;
  std::string kind;
  ScriptClass verdict = ScriptClass::kNotRun;
  std::vector<std::string> rules;  // ids of the rules that cover it
  std::string why;                 // harmless: the reason; not run: what is not done
};

struct RuleReport {
  std::string id;
  std::string replaces;
  std::size_t changes = 0;  // nodes that it made, changed or removed
};

struct FinishReport {
  std::vector<RuleReport> rules;      // those that were applied, in order
  std::vector<ScriptReport> scripts;  // one per maintainer script, in the source's order
  std::vector<std::string> notes;     // for the user: units left disabled, secrets removed
  // Units that the packages' scripts would have enabled and `enabled_units` does not name.
  std::vector<std::string> units_left_disabled;

  // One line for each script that was not run, in the form that the CLI prints.
  std::vector<std::string> NotRunLines() const;
};

// Applies the rules. On an error (a unit that is not in the tree, a user id in use) the tree is
// half-finished and must be dropped. Depends on nothing but its arguments: no clock, no files.
Result<FinishReport> Finish(SourceTree& source, const FinishOptions& options);

// What is pruned when the definition does not say otherwise.
std::vector<std::string> DefaultPruneRemove();
std::vector<std::string> DefaultPruneKeep();

// Owner and group names -> ids by the tree's own /etc/passwd and /etc/group; digits stand for
// themselves. kNotFound when the name is unknown.
Result<std::uint32_t> LookUpUser(const Tree& tree, std::string_view name);
Result<std::uint32_t> LookUpGroup(const Tree& tree, std::string_view name);

}  // namespace inro::image
