#include "image/finish/scripts.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "image/finish/accounts.h"
#include "image/finish/alternatives.h"
#include "image/finish/script_table.h"
#include "image/finish/shell_commands.h"
#include "image/finish/shell_truth.h"
#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

struct Verdict {
  ScriptClass value = ScriptClass::kNotRun;
  std::string rule;  // covered
  std::string why;   // harmless
};

Verdict Covered(std::string_view rule) { return {ScriptClass::kCovered, std::string(rule), ""}; }
Verdict Harmless(std::string_view why) { return {ScriptClass::kHarmless, "", std::string(why)}; }

// True when the command begins with these words.
bool HasPrefix(const ShellCommand& command, std::string_view prefix) {
  const auto words = SplitFields(prefix, ' ');
  if (command.words.size() < words.size()) return false;
  return std::equal(words.begin(), words.end(), command.words.begin());
}

// Options taken out, first word taken off.
std::vector<std::string> Operands(const ShellCommand& command) {
  std::vector<std::string> operands;
  for (std::size_t i = 1; i < command.words.size(); ++i) {
    if (!command.words[i].starts_with('-') || command.words[i].size() == 1) {
      operands.push_back(command.words[i]);
    }
  }
  return operands;
}

std::string RuleOf(const Node& node) {
  return node.origin.starts_with("rule ") ? node.origin.substr(5) : "";
}

// "#!/bin/sh -e", "#! /bin/bash" and the like.
bool IsShellScript(std::string_view text) {
  if (!text.starts_with("#!")) return false;
  const std::vector<std::string> words = SplitWords(text.substr(2, text.find('\n') - 2));
  if (words.empty()) return false;
  const std::string& program = words[0];
  return program.ends_with("/sh") || program.ends_with("/dash") || program.ends_with("/bash");
}

// Judges single commands by what the finished tree holds.
class Judge {
 public:
  Judge(const MaintainerScript& script, const FinishOptions& options, const Tree& tree,
        std::vector<std::string>& left_disabled)
      : script_(script), options_(options), tree_(tree), left_disabled_(left_disabled) {}

  Verdict Of(const ShellCommand& command) {
    for (const JudgedCommand& row : JudgedCommands()) {
      if (row.package == script_.package && row.kind == script_.kind &&
          command.text.starts_with(row.prefix)) {
        return {row.verdict, std::string(row.rule), std::string(row.why)};
      }
    }
    if (!command.writes.empty()) return Made(command.writes);
    if (auto verdict = Accounts(command)) return *verdict;
    if (auto verdict = Enablement(command)) return *verdict;
    if (HasPrefix(command, "update-alternatives")) {
      const auto groups = ParseUpdateAlternatives(command.words);
      // A group whose program is not in the tree would not be installed.
      const bool absent =
          !groups.empty() && std::ranges::all_of(groups, [&](const Alternative& one) {
            return IsKnown(one.target) && !tree_.Resolve(one.target);
          });
      if (absent) return Harmless("an alternative whose program the package does not ship");
      const bool known =
          !groups.empty() && std::ranges::all_of(groups, [&](const Alternative& one) {
            return IsDeclaredAlternative(script_.package, one);
          });
      if (known) return Covered("alternatives");
    }
    for (const CoveredCommand& row : CoveredCommands()) {
      if (HasPrefix(command, row.prefix)) return Covered(row.rule);
    }
    for (const HarmlessCommand& row : HarmlessCommands()) {
      if (HasPrefix(command, row.prefix)) return Harmless(row.why);
    }
    if (auto verdict = FileEffect(command)) return *verdict;
    return {};
  }

 private:
  // What is at a path; links are followed. Nothing when the path holds an unknown value.
  const Node* At(std::string_view path) const {
    if (!path.starts_with('/') || !IsKnown(path)) return nullptr;
    const auto resolved = tree_.Resolve(path);
    if (resolved) return tree_.Find(*resolved);
    return tree_.Find(tree_.ResolveParents(path));  // a dangling link counts
  }

  bool IsPruned(std::string_view path) const {
    if (!options_.prune || !path.starts_with('/')) return false;
    const auto globs = options_.prune_remove.empty() ? DefaultPruneRemove() : options_.prune_remove;
    const std::string at = tree_.ResolveParents(path);
    return std::ranges::any_of(globs,
                               [&](const std::string& glob) { return MatchesGlob(glob, at); });
  }

  // The file that a command makes: covered when the tree has it.
  Verdict Made(std::string_view path) const {
    // Run-time folders are made at each boot.
    if (path == "/run" || path.starts_with("/run/")) return Harmless("made at boot");
    if (const Node* node = At(path)) {
      const std::string rule = RuleOf(*node);
      return rule.empty() ? Harmless("the package ships what it would make") : Covered(rule);
    }
    if (IsPruned(path)) return Covered("prune");
    return {};
  }

  static Verdict Combine(const std::vector<Verdict>& verdicts) {
    Verdict all = Harmless("");
    if (verdicts.empty()) return {};
    for (const Verdict& verdict : verdicts) {
      if (verdict.value == ScriptClass::kNotRun) return verdict;
      if (verdict.value == ScriptClass::kCovered || all.why.empty()) all = verdict;
    }
    return all;
  }

  std::optional<Verdict> Accounts(const ShellCommand& command) const {
    const auto requests = ParseAdduser(command.words);
    if (requests.empty()) return std::nullopt;
    const auto accounts = image::Accounts::Load(tree_);
    if (!accounts) return Verdict{};
    const AccountRequest& request = requests[0];
    const bool known = request.group ? accounts->FindGroup(request.name) != nullptr
                                     : accounts->FindUser(request.name) != nullptr;
    if (!known) return Verdict{};
    for (const GuestUser& user : options_.users) {
      if (user.name == request.name) return Covered("users");
    }
    return Covered("adduser");
  }

  std::optional<Verdict> Enablement(const ShellCommand& command) {
    const bool helper = HasPrefix(command, "deb-systemd-helper enable");
    if (!helper && !HasPrefix(command, "systemctl enable")) return std::nullopt;
    for (std::size_t i = 2; i < command.words.size(); ++i) {
      const std::string& unit = command.words[i];
      if (unit.starts_with('-')) continue;
      const auto& enabled = options_.enabled_units;
      const auto& left = left_disabled_;
      if (std::ranges::find(enabled, unit) == enabled.end() &&
          std::ranges::find(left, unit) == left.end()) {
        left_disabled_.push_back(unit);
      }
    }
    return Covered("units");
  }

  std::optional<std::uint32_t> User(std::string_view name) const {
    const auto id = LookUpUser(tree_, name);
    return id ? std::optional(*id) : std::nullopt;
  }
  std::optional<std::uint32_t> Group(std::string_view name) const {
    const auto id = LookUpGroup(tree_, name);
    return id ? std::optional(*id) : std::nullopt;
  }

  static std::optional<std::uint32_t> Mode(std::string_view text) {
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return mode;
  }

  // chown, chgrp and the owner part of dpkg-statoverride: done when the node has that owner.
  Verdict Owned(std::string_view owner, std::string_view path) const {
    if (path.starts_with("/run/")) return Harmless("made at boot");
    const Node* node = At(path);
    if (node == nullptr) return IsPruned(path) ? Covered("prune") : Verdict{};
    const std::size_t colon = owner.find(':');
    const std::string_view user = owner.substr(0, colon);
    const std::string_view group =
        colon == std::string_view::npos ? std::string_view() : owner.substr(colon + 1);
    if (!user.empty() && User(user) != node->uid) return {};
    if (!group.empty() && Group(group) != node->gid) return {};
    return Made(path);
  }

  Verdict Moded(std::string_view mode, std::string_view path) const {
    if (path.starts_with("/run/")) return Harmless("made at boot");
    const Node* node = At(path);
    if (node == nullptr) return IsPruned(path) ? Covered("prune") : Verdict{};
    const auto wanted = Mode(mode);
    // Rule set-id-bits has taken only these bits away again.
    if (wanted && options_.prune && options_.users.empty() && node->type == NodeType::kFile &&
        (*wanted & 06000) != 0 && node->mode == (*wanted & 01777)) {
      return Covered("set-id-bits");
    }
    // GNU chmod keeps setuid and setgid of folders when the number has four digits or less.
    const std::uint32_t mask =
        node->type == NodeType::kDirectory && mode.size() < 5 ? 01777 : 07777;
    if (!wanted || (node->mode & mask) != (*wanted & mask)) return {};
    return Made(path);
  }

  std::optional<Verdict> FileEffect(const ShellCommand& command) const {
    const std::string& program = command.words[0];
    const std::vector<std::string> operands = Operands(command);
    std::vector<Verdict> verdicts;
    if (program == "mkdir" || program == "touch") {
      for (const std::string& path : operands) {
        if (program == "mkdir" && command.words[1] == "-m" && path == operands[0]) continue;
        verdicts.push_back(Made(path));
      }
    } else if (program == "chown" && operands.size() > 1) {
      for (std::size_t i = 1; i < operands.size(); ++i)
        verdicts.push_back(Owned(operands[0], operands[i]));
    } else if (program == "chgrp" && operands.size() > 1) {
      for (std::size_t i = 1; i < operands.size(); ++i) {
        verdicts.push_back(Owned(":" + operands[0], operands[i]));
      }
    } else if (program == "chmod" && operands.size() > 1) {
      for (std::size_t i = 1; i < operands.size(); ++i)
        verdicts.push_back(Moded(operands[0], operands[i]));
    } else if ((program == "ln" || program == "cp" || program == "ucf" || program == "mv") &&
               operands.size() == 2) {
      verdicts.push_back(Made(operands[1]));
    } else if (program == "dpkg-statoverride" && operands.size() == 4) {
      const Verdict owned = Owned(fmt::format("{}:{}", operands[0], operands[1]), operands[3]);
      verdicts = {owned, Moded(operands[2], operands[3])};
    } else if (program == "rm" || program == "rmdir") {
      for (const std::string& path : operands) {
        if (path.starts_with("$(mktemp")) {
          verdicts.push_back(Harmless("its own temporary file"));
          continue;
        }
        const bool absent = IsKnown(path) && path.starts_with('/') && At(path) == nullptr;
        verdicts.push_back(absent ? Harmless("removes what a fresh tree does not have")
                                  : Verdict{});
      }
    } else {
      return std::nullopt;
    }
    return Combine(verdicts);
  }

  const MaintainerScript& script_;
  const FinishOptions& options_;
  const Tree& tree_;
  std::vector<std::string>& left_disabled_;
};

}  // namespace

ScriptReport ClassifyScript(const MaintainerScript& script, const FinishOptions& options,
                            const Tree& tree, std::vector<std::string>& units_left_disabled) {
  ScriptReport report{script.package, script.kind, ScriptClass::kHarmless, {}, ""};
  if (script.kind == "prerm" || script.kind == "postrm") {
    report.why = "only called when the package is removed or replaced";
    return report;
  }
  if (script.kind == "config") {
    report.why = "asks debconf's questions; the defaults are taken";
    return report;
  }
  if (!IsShellScript(script.text)) {
    report.verdict = ScriptClass::kNotRun;
    report.why =
        fmt::format("not a shell script ({})", script.text.substr(0, script.text.find('\n')));
    return report;
  }
  Judge judge(script, options, tree, units_left_disabled);
  std::set<std::string> rules;
  std::set<std::string> reasons;
  std::vector<std::string> undone;
  for (const ShellCommand& command : FirstInstallCommands(script.text, script.kind)) {
    const Verdict verdict = judge.Of(command);
    if (verdict.value == ScriptClass::kCovered) rules.insert(verdict.rule);
    if (verdict.value == ScriptClass::kHarmless) reasons.insert(verdict.why);
    if (verdict.value != ScriptClass::kNotRun) continue;
    const std::string what = command.writes.empty()
                                 ? command.text
                                 : fmt::format("{} > {}", command.text, command.writes);
    if (std::ranges::find(undone, what) == undone.end()) undone.push_back(what);
  }
  report.rules.assign(rules.begin(), rules.end());
  if (!undone.empty()) {
    report.verdict = ScriptClass::kNotRun;
    constexpr std::size_t kShown = 3;
    const std::size_t shown = std::min(undone.size(), kShown);
    report.why = fmt::format(
        "{}", fmt::join(undone.begin(), undone.begin() + static_cast<long>(shown), "; "));
    if (undone.size() > shown) report.why += fmt::format("; and {} more", undone.size() - shown);
    std::ranges::replace(report.why, '\n', ' ');
  } else if (!rules.empty()) {
    report.verdict = ScriptClass::kCovered;
  } else {
    reasons.erase("shell");
    if (reasons.size() > 1) reasons.erase("only asks");
    report.why = reasons.empty() ? "does nothing at a first installation"
                                 : fmt::format("{}", fmt::join(reasons, "; "));
  }
  return report;
}

void ClassifyScripts(const SourceTree& source, const FinishOptions& options, FinishReport& report) {
  for (const MaintainerScript& script : source.scripts) {
    report.scripts.push_back(
        ClassifyScript(script, options, source.tree, report.units_left_disabled));
  }
}

}  // namespace inro::image
