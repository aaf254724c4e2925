// Every finishing rule against a tree that mmdebstrap made of the same packages, with their
// maintainer scripts run. What differs is a row of a table, with the reason; a rule without a row
// fails, and so does a row that no longer explains anything.
#include "image/source/mmdebstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "debian_trees.h"
#include "fidelity_table.h"
#include "image/finish/accounts.h"
#include "image/finish/finish.h"
#include "image/finish/rule.h"
#include "image/finish/text_lines.h"
#include "image/source/tar.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

const std::vector<std::string> kWanted = {"systemd",  "systemd-sysv", "chrony",
                                          "iptables", "kmod",         "dash"};

// The reference tree, made once and kept below the build folder.
Result<SourceTree> Reference(bool anew) {
  const std::string folder = std::string(INRO_BINARY_DIR) + "/finish-reference";
  const std::string tar = folder + "/bookworm.tar";
  SilentProgress progress;
  if (anew || !sys::Exists(tar)) {
    INRO_TRY(sys::MakeDirectories(folder));
    INRO_ASSIGN(const std::vector<std::string> command,
                MmdebstrapCommand(OptionsFor("bookworm", kWanted), tar + ".new"));
    sys::RunOptions run;
    run.timeout = std::chrono::minutes(20);
    INRO_TRY(sys::RunOrFail(command, run));
    if (std::rename((tar + ".new").c_str(), tar.c_str()) != 0) return FailErrno("rename {}", tar);
  }
  return ImportTar(tar, progress);
}

std::map<std::string, std::string> Versions(const std::vector<Package>& packages) {
  std::map<std::string, std::string> versions;
  for (const Package& package : packages) versions[package.name] = package.version;
  return versions;
}

struct Trees {
  SourceTree ours;
  SourceTree theirs;
  FinishReport report;
};

// Both trees with the same packages in the same versions.
Result<Trees> MakeTrees() {
  Trees trees;
  for (const bool anew : {false, true}) {
    INRO_ASSIGN(trees.theirs, Reference(anew));
    std::vector<std::string> names;
    for (const Package& package : trees.theirs.packages) names.push_back(package.name);
    INRO_ASSIGN(trees.ours, Fetch("bookworm", names));
    if (Versions(trees.ours.packages) == Versions(trees.theirs.packages)) break;
  }
  FinishOptions options;
  options.hostname = "guest";
  options.prune = false;
  // What the packages' own scripts enable is left to the definition; here it names all of it.
  SourceTree trial = trees.ours;
  INRO_ASSIGN(const FinishReport report, Finish(trial, options));
  options.enabled_units = report.units_left_disabled;
  INRO_ASSIGN(trees.report, Finish(trees.ours, options));
  return trees;
}

const Result<Trees>& SharedTrees() {
  static const Result<Trees> trees = MakeTrees();
  return trees;
}

std::string OwnerName(const Accounts& accounts, std::uint32_t uid) {
  for (const UserEntry& user : accounts.users()) {
    if (user.uid == uid) return user.name;
  }
  return std::to_string(uid);
}

std::string GroupName(const Accounts& accounts, std::uint32_t gid) {
  for (const GroupEntry& group : accounts.groups()) {
    if (group.gid == gid) return group.name;
  }
  return std::to_string(gid);
}

// Type, mode, owners by name and what it holds, as one line.
std::string Describe(const Node& node, const Accounts& accounts) {
  static constexpr const char* kTypes[] = {"file", "directory", "link", "char", "block", "fifo"};
  std::string text = fmt::format("{} {:o} {}:{}", kTypes[static_cast<int>(node.type)],
                                 node.type == NodeType::kSymlink ? 0777 : node.mode,
                                 OwnerName(accounts, node.uid), GroupName(accounts, node.gid));
  if (node.type == NodeType::kSymlink) {
    // /lib is a link to usr/lib: both spellings name one file.
    std::string target = node.target;
    if (target.starts_with("/lib/")) target = "/usr" + target;
    text += " -> " + target;
  }
  if (node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice) {
    text += fmt::format(" {}:{}", node.major, node.minor);
  }
  return text;
}

class Mmdebstrap : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!sys::Exists("/usr/bin/mmdebstrap")) reason_ = "mmdebstrap is not installed";
    if (reason_.empty() && !Fetch("bookworm", {"dash"})) reason_ = "no mirror can be reached";
  }
  void SetUp() override {
    if (!reason_.empty()) GTEST_SKIP() << reason_;
    const Result<Trees>& trees = SharedTrees();
    ASSERT_TRUE(trees.has_value()) << trees.error().ToString();
    trees_ = &*trees;
    auto ours = Accounts::Load(trees_->ours.tree);
    auto theirs = Accounts::Load(trees_->theirs.tree);
    ASSERT_TRUE(ours.has_value() && theirs.has_value());
    our_accounts_ = *ours;
    their_accounts_ = *theirs;
  }
  // "" when the node is the same in both trees.
  std::string Difference(const std::string& path) const {
    const Node* ours = trees_->ours.tree.Find(path);
    const Node* theirs = trees_->theirs.tree.Find(path);
    if (ours == nullptr && theirs == nullptr) return "";
    if (theirs == nullptr) return "only ours: " + Describe(*ours, our_accounts_);
    if (ours == nullptr) return "only mmdebstrap's: " + Describe(*theirs, their_accounts_);
    const std::string a = Describe(*ours, our_accounts_);
    const std::string b = Describe(*theirs, their_accounts_);
    if (a != b) return fmt::format("{} instead of {}", a, b);
    if (ours->content.view() != theirs->content.view()) return "other content";
    if (ours->xattrs != theirs->xattrs) return "other extended attributes";
    return "";
  }

  static std::string reason_;
  const Trees* trees_ = nullptr;
  Accounts our_accounts_;
  Accounts their_accounts_;
};
std::string Mmdebstrap::reason_;

TEST_F(Mmdebstrap, HasTheSamePackages) {
  EXPECT_EQ(Versions(trees_->ours.packages), Versions(trees_->theirs.packages));
  EXPECT_GT(trees_->ours.packages.size(), 100U);
}

TEST_F(Mmdebstrap, EachRuleHasARow) {
  std::set<std::string> rules;
  for (const Rule& rule : FinishRules()) rules.emplace(rule.id);
  std::set<std::string> rows;
  for (const RuleFidelity& row : RuleFidelities()) rows.emplace(row.rule);
  EXPECT_EQ(rules, rows);
  for (const PathDifference& row : PathDifferences()) {
    EXPECT_FALSE(row.reason.empty()) << row.glob;
  }
}

// All paths of both trees: those of each rule, and those that a rule should have made.
TEST_F(Mmdebstrap, DiffersOnlyForKnownReasons) {
  std::set<std::string> paths;
  for (const auto& [path, node] : trees_->ours.tree.nodes()) paths.insert(path);
  for (const auto& [path, node] : trees_->theirs.tree.nodes()) paths.insert(path);
  std::set<std::string_view> used;
  for (const std::string& path : paths) {
    const std::string difference = Difference(path);
    if (difference.empty()) continue;
    bool explained = false;
    for (const PathDifference& row : PathDifferences()) {
      if (!MatchesGlob(row.glob, path)) continue;
      explained = true;
      used.insert(row.glob);
      break;
    }
    const Node* ours = trees_->ours.tree.Find(path);
    EXPECT_TRUE(explained) << "/" << path << ": " << difference << " ("
                           << (ours == nullptr ? "" : ours->origin) << ")";
  }
  for (const PathDifference& row : PathDifferences()) {
    EXPECT_TRUE(used.contains(row.glob)) << "explains nothing any more: " << row.glob;
  }
}

// Each rule did something, and the paths that its row names are really the same in both.
TEST_F(Mmdebstrap, EachRuleMakesWhatItsRowNames) {
  std::map<std::string, std::size_t> changes;
  for (const RuleReport& rule : trees_->report.rules) changes[rule.id] = rule.changes;
  for (const RuleFidelity& row : RuleFidelities()) {
    SCOPED_TRACE(std::string(row.rule));
    for (const std::string_view path : SplitFields(row.same, ' ')) {
      EXPECT_TRUE(trees_->ours.tree.Contains(path)) << path;
      EXPECT_EQ(Difference(std::string(path)), "") << path;
    }
    EXPECT_FALSE(row.same.empty() && row.reason.empty());
  }
}

// Users and groups by name; ids are compared where Debian fixes them.
TEST_F(Mmdebstrap, HasTheSameAccounts) {
  std::set<std::string> names;
  for (const UserEntry& user : our_accounts_.users()) names.insert(user.name);
  for (const UserEntry& user : their_accounts_.users()) names.insert(user.name);
  for (const std::string& name : names) {
    const UserEntry* a = our_accounts_.FindUser(name);
    const UserEntry* b = their_accounts_.FindUser(name);
    ASSERT_TRUE(a != nullptr && b != nullptr) << name;
    EXPECT_EQ(a->comment, b->comment) << name;
    EXPECT_EQ(a->home, b->home) << name;
    EXPECT_EQ(a->shell, b->shell) << name;
    EXPECT_EQ(a->uid, b->uid) << name;
    EXPECT_EQ(GroupName(our_accounts_, a->gid), GroupName(their_accounts_, b->gid)) << name;
  }
  std::set<std::string> groups;
  for (const GroupEntry& group : our_accounts_.groups()) groups.insert(group.name);
  for (const GroupEntry& group : their_accounts_.groups()) groups.insert(group.name);
  for (const std::string& name : groups) {
    const GroupEntry* a = our_accounts_.FindGroup(name);
    const GroupEntry* b = their_accounts_.FindGroup(name);
    ASSERT_TRUE(a != nullptr && b != nullptr) << name;
    EXPECT_EQ(a->gid, b->gid) << name;
    EXPECT_EQ(a->members, b->members) << name;
  }
}

// "NAME:PASSWORD:DAY:..." with the day, which is that of the build there, taken out.
std::map<std::string, std::string> ShadowEntries(const Tree& tree, std::string_view path) {
  std::map<std::string, std::string> entries;
  const auto text = tree.ReadFile(path);
  if (!text) return entries;
  for (const std::string_view line : SplitLines(*text)) {
    std::vector<std::string_view> fields;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t end = std::min(line.find(':', at), line.size());
      fields.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    if (fields.size() > 2 && path == "etc/shadow") fields[2] = "DAY";
    entries[std::string(fields[0])] = fmt::format("{}", fmt::join(fields, ":"));
  }
  return entries;
}

TEST_F(Mmdebstrap, LocksAccountsAlike) {
  for (const char* path : {"etc/shadow", "etc/gshadow"}) {
    EXPECT_EQ(ShadowEntries(trees_->ours.tree, path), ShadowEntries(trees_->theirs.tree, path))
        << path;
    EXPECT_EQ(Describe(*trees_->ours.tree.Find(path), our_accounts_),
              Describe(*trees_->theirs.tree.Find(path), their_accounts_));
  }
}

// The library cache but for the name of the program that wrote it: 24 bytes of table, then the
// name, whose length is the table's last word.
TEST_F(Mmdebstrap, HasTheSameLibraryCache) {
  const auto body = [](const Tree& tree) {
    const auto bytes = tree.ReadFile("etc/ld.so.cache");
    const std::size_t table = bytes ? bytes->rfind("\x74\x21\xa4\xea") : std::string_view::npos;
    EXPECT_NE(table, std::string_view::npos);
    return table == std::string_view::npos ? "" : std::string(bytes->substr(0, table + 20));
  };
  EXPECT_TRUE(body(trees_->ours.tree) == body(trees_->theirs.tree));
}

// dpkg's status: the same fields of each package, whatever their order.
TEST_F(Mmdebstrap, HasTheSameInventory) {
  const auto packages = [](const Tree& tree) {
    std::map<std::string, std::set<std::string>> found;
    const auto text = tree.ReadFile("var/lib/dpkg/status");
    std::string name;
    std::string field;
    const auto store = [&] {
      std::vector<std::string_view> lines = SplitLines(field);
      // dpkg sorts configuration files its own way.
      if (field.starts_with("Conffiles:")) std::ranges::sort(lines);
      if (!field.empty()) found[name].insert(fmt::format("{}", fmt::join(lines, "\n")));
      field.clear();
    };
    for (const std::string_view line : SplitLines(text ? *text : "")) {
      if (line.starts_with("Package: ")) name = line.substr(9);
      if (line.starts_with(' ')) {
        field += "\n" + std::string(line);
        continue;
      }
      store();
      field = line;
    }
    store();
    return found;
  };
  const auto ours = packages(trees_->ours.tree);
  const auto theirs = packages(trees_->theirs.tree);
  ASSERT_EQ(ours.size(), theirs.size());
  for (const auto& [name, fields] : theirs) {
    ASSERT_TRUE(ours.contains(name)) << name;
    for (const std::string& field : fields) {
      EXPECT_TRUE(ours.at(name).contains(field)) << name << ": " << field;
    }
  }
}

}  // namespace
}  // namespace inro::image
