#include "image/finish/finish.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/finish/accounts.h"
#include "image/finish/shell_commands.h"
#include "image/finish/sysusers.h"
#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void Put(SourceTree& source, const std::string& path, std::string text) {
  ASSERT_TRUE(source.tree.Put(path, MakeFile(std::move(text))).has_value());
}

SourceTree MakeSource() {
  SourceTree source;
  for (const char* name : {"base-files", "chrony", "iptables", "systemd"}) {
    Package package;
    package.name = name;
    source.packages.push_back(package);
  }
  Put(source, "usr/share/chrony/chrony.conf", "pool x\n");
  Put(source, "usr/share/chrony/chrony.keys", "#\n");
  Put(source, "usr/sbin/iptables-nft", "x");
  Put(source, "usr/sbin/iptables-legacy", "x");
  Put(source, "usr/sbin/iptables-nft-save", "x");
  Put(source, "usr/lib/systemd/system/chrony.service",
      "[Unit]\n[Install]\nAlias=chronyd.service\nWantedBy=multi-user.target\n");
  Put(source, "usr/share/systemd/tmp.mount", "[Mount]\n");
  Put(source, "usr/lib/tmpfiles.d/a.conf", "d /var/lib/private 0700 root root -\nd /run/x\n");
  Put(source, "etc/ssh/ssh_host_rsa_key", "secret");
  Put(source, "etc/machine-id", "0123\n");
  Put(source, "usr/share/doc/a/copyright", "same");
  Put(source, "usr/share/doc/b/copyright", "same");
  Put(source, "usr/share/doc/b/README", "long");
  Put(source, "tmp/left", "x");
  return source;
}

TEST(Finish, MakesWhatScriptsWouldHaveMade) {
  SourceTree source = MakeSource();
  FinishOptions options;
  options.hostname = "guest";
  options.enabled_units = {"chrony.service"};
  options.masked_units = {"getty@tty1.service"};
  const auto report = Finish(source, options);
  ASSERT_TRUE(report.has_value()) << report.error().ToString();
  const Tree& tree = source.tree;
  EXPECT_EQ(tree.Find("bin")->target, "usr/bin");
  EXPECT_EQ(tree.Find("tmp")->mode, 01777U);
  EXPECT_EQ(tree.Find("etc/alternatives/iptables")->target, "/usr/sbin/iptables-nft");
  EXPECT_EQ(tree.Find("usr/sbin/iptables-save")->target, "/etc/alternatives/iptables-save");
  const std::uint32_t chrony = *LookUpUser(tree, "_chrony");
  EXPECT_EQ(tree.Find("var/lib/chrony")->uid, chrony);
  EXPECT_EQ(tree.Find("var/lib/chrony")->mode, 0750U);
  EXPECT_EQ(tree.Find("etc/chrony/chrony.keys")->gid, *LookUpGroup(tree, "_chrony"));
  EXPECT_EQ(tree.Find("etc/systemd/system/chronyd.service")->target,
            "/usr/lib/systemd/system/chrony.service");
  EXPECT_TRUE(tree.Contains("etc/systemd/system/multi-user.target.wants/chrony.service"));
  EXPECT_EQ(tree.Find("etc/systemd/system/getty@tty1.service")->target, "/dev/null");
  EXPECT_TRUE(tree.Contains("usr/lib/systemd/system/tmp.mount"));
  EXPECT_EQ(tree.Find("var/lib/private")->mode, 0700U);
  EXPECT_FALSE(tree.Contains("run/x"));
  EXPECT_EQ(tree.Find("etc/resolv.conf")->type, NodeType::kFile);
  EXPECT_EQ(tree.Find("etc/machine-id")->content.size(), 0U);
  EXPECT_EQ(tree.Find("etc/machine-id")->mode, 0444U);
  EXPECT_EQ(tree.Find("dev/null")->minor, 3U);
  EXPECT_FALSE(tree.Contains("etc/ssh/ssh_host_rsa_key"));
  EXPECT_FALSE(tree.Contains("tmp/left"));
  EXPECT_FALSE(tree.Contains("usr/share/doc/b/README"));
  EXPECT_EQ(tree.Find("usr/share/doc/b/copyright")->target, "../a/copyright");
  EXPECT_EQ(tree.Find("etc/chrony/chrony.conf")->origin, "rule chrony-files");
}

TEST(Finish, GivesTheSameTreeTwice) {
  SourceTree a = MakeSource();
  SourceTree b = MakeSource();
  ASSERT_TRUE(Finish(a, {}).has_value());
  ASSERT_TRUE(Finish(b, {}).has_value());
  EXPECT_EQ(a.tree.Digest(), b.tree.Digest());
}

TEST(Finish, RefusesUnknownUnitsAndTakenIds) {
  SourceTree source = MakeSource();
  FinishOptions options;
  options.enabled_units = {"absent.service"};
  const auto unit = Finish(source, options);
  ASSERT_FALSE(unit.has_value());
  EXPECT_EQ(unit.error().kind(), ErrorKind::kBadInput);
  SourceTree other = MakeSource();
  FinishOptions users;
  users.users.push_back({.name = "me", .uid = 0});
  EXPECT_FALSE(Finish(other, users).has_value());
}

TEST(Scripts, AreClassed) {
  SourceTree source = MakeSource();
  const auto add = [&](std::string kind, std::string body) {
    source.scripts.push_back({"app", "1", std::move(kind), "#!/bin/sh\nset -e\n" + body});
  };
  add("postinst", "if [ \"$1\" = configure ]; then\n  ldconfig\nfi\n");
  add("postinst", "if [ -n \"$2\" ]; then frobnicate; fi\n");
  add("postinst", "make-a-database /var/lib/app\n");
  add("postinst", "adduser --system --group stranger || true\n");
  add("prerm", "rm -rf /var/lib/app\n");
  const auto report = Finish(source, {});
  ASSERT_TRUE(report.has_value());
  const auto& scripts = report->scripts;
  ASSERT_EQ(scripts.size(), 5U);
  EXPECT_EQ(scripts[0].verdict, ScriptClass::kCovered);
  EXPECT_THAT(scripts[0].rules, ElementsAre("library-cache"));
  EXPECT_EQ(scripts[1].verdict, ScriptClass::kHarmless);
  EXPECT_EQ(scripts[2].verdict, ScriptClass::kNotRun);
  EXPECT_EQ(scripts[3].verdict, ScriptClass::kNotRun);
  EXPECT_EQ(scripts[4].verdict, ScriptClass::kHarmless);
  EXPECT_THAT(report->NotRunLines(),
              Contains("postinst of app not run: make-a-database /var/lib/app; add a rule or use "
                       "source = mmdebstrap"));
}

TEST(Shell, FollowsFunctionsAndCases) {
  const auto commands = FirstInstallCommands(
      "f() { mkdir \"$1\"; }\ncase \"$1\" in\n configure) f /a ;;\n *) f /b ;;\nesac\n"
      "cat <<E > /c\nrm -rf /\nE\n",
      "postinst");
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_THAT(commands[0].words, ElementsAre("mkdir", "/a"));
  EXPECT_EQ(commands[1].writes, "/c");
}

TEST(Shell, AdduserStopsAtTheOperator) {
  const auto commands =
      FirstInstallCommands("adduser --system --home /nonexistent _apt || true", "postinst");
  ASSERT_FALSE(commands.empty());
  const auto requests = ParseAdduser(commands[0].words);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].name, "_apt");
}

TEST(Sysusers, TakesIdsFromAbove) {
  auto accounts = Accounts::Parse("root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n", "", "");
  ASSERT_TRUE(accounts.has_value());
  const auto lines = ParseSysusers("u app - \"An app\" /srv\ng tty 5 -\nm app tty\n", "t.conf");
  ASSERT_TRUE(lines.has_value());
  ASSERT_TRUE(ApplySysusers(*lines, *accounts).has_value());
  EXPECT_EQ(accounts->FindUser("app")->uid, 999U);
  EXPECT_EQ(accounts->FindUser("app")->comment, "An app");
  EXPECT_THAT(accounts->FindGroup("tty")->members, ElementsAre("app"));
  EXPECT_THAT(ParseSysusers("x y\n", "t.conf").error().ToString(), HasSubstr("t.conf:1"));
}

TEST(Globs, CrossFoldersOnlyWithTwoStars) {
  EXPECT_TRUE(MatchesGlob("usr/share/doc/*/copyright", "usr/share/doc/a/copyright"));
  EXPECT_FALSE(MatchesGlob("usr/*", "usr/a/b"));
  EXPECT_TRUE(MatchesGlob("usr/**", "usr/a/b"));
}

}  // namespace
}  // namespace inro::image
