// The shape of a finishing rule and what it may use.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/finish/finish.h"

namespace inro::image {

// What a rule works on. `changes` counts the nodes it made, changed or removed.
class RuleContext {
 public:
  RuleContext(SourceTree& source, const FinishOptions& options, FinishReport& report);

  void Enter(std::string_view rule_id);
  std::string_view rule_id() const { return rule_id_; }
  std::size_t changes() const { return changes_; }

  Tree& tree() { return source_.tree; }
  const Tree& tree() const { return source_.tree; }
  SourceTree& source() { return source_; }
  const FinishOptions& options() const { return options_; }
  FinishReport& report() { return report_; }

  bool HasPackage(std::string_view name) const;
  // Version of a package; empty when it is not in the closure.
  std::string_view PackageVersion(std::string_view name) const;

  // Puts a node where a program in the guest would put it (links in its parents are followed) and
  // marks it with the rule's id.
  Result<> Put(std::string_view path, Node node);
  // The same, only when nothing is there.
  Result<> PutIfAbsent(std::string_view path, Node node);
  // A directory with this mode and owner; an existing one gets them.
  Result<> PutDirectory(std::string_view path, std::uint32_t mode, std::uint32_t uid = 0,
                        std::uint32_t gid = 0);
  Result<> SetOwner(std::string_view path, std::uint32_t uid, std::uint32_t gid);
  Result<> SetMode(std::string_view path, std::uint32_t mode);
  // False when absent.
  bool Remove(std::string_view path);
  void Note(std::string line) { report_.notes.push_back(std::move(line)); }

 private:
  SourceTree& source_;
  const FinishOptions& options_;
  FinishReport& report_;
  std::string rule_id_;
  std::size_t changes_ = 0;
};

enum class RuleUse {
  kWithoutScripts,  // replaces maintainer scripts
  kAlways,          // every guest needs it, whoever made its tree
};

struct Rule {
  std::string_view id;
  std::string_view replaces;
  std::string_view packages;  // space-separated: applied when one is in the closure; empty: always
  RuleUse use;
  Result<> (*apply)(RuleContext&);
};

// All rules, in the order of their application.
std::span<const Rule> FinishRules();

// True when `word` is one of the space-separated words of `list`.
bool HasWord(std::string_view list, std::string_view word);

}  // namespace inro::image
