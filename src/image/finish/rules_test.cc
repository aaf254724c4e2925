// One case a rule (or a few that belong together): what it makes, and what it leaves alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/finish/account_rules.h"
#include "image/finish/file_rules.h"
#include "image/finish/inventory.h"
#include "image/finish/layout_rules.h"
#include "image/finish/rule.h"
#include "image/finish/script_table.h"
#include "image/finish/scripts.h"
#include "image/finish/units.h"

namespace inro::image {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Rules : public testing::Test {
 protected:
  void Put(const std::string& path, std::string text) {
    ASSERT_TRUE(source_.tree.Put(path, MakeFile(std::move(text))).has_value());
  }
  void Install(const std::string& package) {
    Package item;
    item.name = package;
    source_.packages.push_back(item);
  }
  // Applies one rule of the table.
  Result<std::size_t> Apply(std::string_view id) {
    for (const Rule& rule : FinishRules()) {
      if (rule.id != id) continue;
      FinishReport report;
      RuleContext context(source_, options_, report);
      context.Enter(id);
      INRO_TRY(rule.apply(context));
      return context.changes();
    }
    return Fail("no rule {}", id);
  }
  std::string Text(const std::string& path) const {
    const auto text = source_.tree.ReadFile(path);
    return text ? std::string(*text) : "(absent)";
  }

  SourceTree source_;
  FinishOptions options_;
};

TEST_F(Rules, IdsAreUniqueAndSayWhatTheyReplace) {
  std::set<std::string_view> ids;
  for (const Rule& rule : FinishRules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_FALSE(rule.replaces.empty()) << rule.id;
  }
  for (const FileRow& row : FileRows()) EXPECT_TRUE(ids.contains(row.rule)) << row.path;
  for (const CoveredCommand& row : CoveredCommands()) {
    EXPECT_TRUE(ids.contains(row.rule)) << row.prefix;
  }
  // A row judges commands that were read, never a whole script.
  for (const JudgedCommand& row : JudgedCommands()) {
    EXPECT_FALSE(row.prefix.empty()) << row.package;
    EXPECT_TRUE(row.rule.empty() ? !row.why.empty() : ids.contains(row.rule)) << row.prefix;
  }
}

TEST_F(Rules, SubordinateIdsAreThePackagesThatMakeThem) {
  const auto install = [&](const std::string& script) {
    source_.scripts.push_back({"base-passwd", "3.6", "postinst", script});
  };
  Install("base-passwd");
  install("update-passwd\n");
  EXPECT_EQ(*Apply("login-files"), 0U) << "bookworm's base-passwd leaves them to login";
  EXPECT_EQ(Text("etc/subuid"), "(absent)");
  install("touch \"$DPKG_ROOT/etc/subuid\"\n");
  Put("etc/subgid", "mine\n");
  EXPECT_EQ(*Apply("login-files"), 1U);
  EXPECT_EQ(Text("etc/subuid"), "");
  EXPECT_EQ(Text("etc/subgid"), "mine\n");
}

TEST_F(Rules, ShellsAreWrittenUnderBothNames) {
  Put("usr/share/debianutils/shells", "# comment\n/bin/sh\n");
  Put("usr/share/debianutils/shells.d/bash", "/bin/bash\n/usr/bin/rbash\nno path\n");
  ASSERT_TRUE(Apply("shells").has_value());
  EXPECT_EQ(
      Text("etc/shells"),
      "# comment\n/bin/sh\n/bin/bash\n/usr/bin/rbash\n/usr/bin/sh\n/usr/bin/bash\n/bin/rbash\n");
  Put("etc/shells", "mine\n");
  EXPECT_EQ(*Apply("shells"), 0U);
  EXPECT_EQ(Text("etc/shells"), "mine\n");
}

TEST_F(Rules, PamCommonIsWhatPamAuthUpdateWrites) {
  Put("usr/share/pam/common-account",
      "# top\n$account_primary\naccount\trequisite\tpam_deny.so\n$account_additional\n");
  Put("usr/share/pam/common-session-noninteractive",
      "$session_nonint_primary\n$session_nonint_additional\n");
  Put("usr/share/pam-configs/unix",
      "Name: Unix\nDefault: yes\nPriority: 256\nAccount-Type: Primary\nAccount:\n"
      "\t[success=end default=ignore]\tpam_unix.so\nAccount-Initial:\n"
      "\t[success=end default=ignore]\tpam_unix.so\nSession-Type: Additional\nSession:\n"
      "\trequired\tpam_unix.so\n");
  Put("usr/share/pam-configs/sss",
      "Name: SSS\nDefault: yes\nPriority: 128\nAccount-Type: Primary\nAccount:\n"
      "\t[success=end default=ignore]\tpam_sss.so use_first_pass\n");
  Put("usr/share/pam-configs/home",
      "Name: Home\nDefault: yes\nPriority: 0\nSession-Type: Additional\n"
      "Session-Interactive-Only: yes\nSession:\n\toptional\tpam_home.so\n");
  Put("usr/share/pam-configs/off",
      "Name: Off\nDefault: no\nPriority: 999\nAccount-Type: "
      "Primary\nAccount:\n\trequired\toff.so\n");
  ASSERT_TRUE(Apply("pam-common").has_value());
  // The highest priority first; "end" counts the lines up to the one behind the block.
  EXPECT_EQ(Text("etc/pam.d/common-account"),
            "# top\naccount\t[success=2 default=ignore]\tpam_unix.so \n"
            "account\t[success=1 default=ignore]\tpam_sss.so use_first_pass\n"
            "account\trequisite\tpam_deny.so\n");
  EXPECT_EQ(Text("etc/pam.d/common-session-noninteractive"),
            "session\t[default=1]\t\t\tpam_permit.so\nsession\trequired\tpam_unix.so \n");
}

TEST_F(Rules, InventoryKeepsControlAndDigests) {
  source_.dpkg_control["app"] = "Package: app\nVersion: 1\nDescription: x\n more\n";
  source_.conffiles["app"] = {"etc/app.conf", "etc/absent.conf"};
  Put("etc/app.conf", "hello\n");
  ASSERT_TRUE(Apply("inventory").has_value());
  EXPECT_EQ(Text("var/lib/dpkg/status"),
            "Package: app\nStatus: install ok installed\nVersion: 1\nConffiles:\n"
            " /etc/app.conf b1946ac92492d2347c6235b4d2611184\nDescription: x\n more\n\n");
}

TEST_F(Rules, InventoryOfASourceThatRanScriptsStays) {
  Put("var/lib/dpkg/status", "its own\n");
  EXPECT_EQ(*Apply("inventory"), 0U);
  EXPECT_EQ(Text("var/lib/dpkg/status"), "its own\n");
}

TEST_F(Rules, InitLinkLeadsToTheProgram) {
  EXPECT_EQ(*Apply("init-link"), 0U);
  options_.init_program = "/sbin/my-init";
  const auto absent = Apply("init-link");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().kind(), ErrorKind::kBadInput);
  EXPECT_THAT(absent.error().ToString(), HasSubstr("/sbin/my-init"));
  Put("sbin/my-init", "x");
  ASSERT_TRUE(Apply("init-link").has_value());
  EXPECT_EQ(source_.tree.Find("usr/sbin/init")->target, "/sbin/my-init");
  EXPECT_EQ(source_.tree.Find("usr/sbin/init")->origin, "rule init-link");
}

TEST_F(Rules, DefaultTargetMustExist) {
  options_.default_target = "app.target";
  const auto absent = Apply("default-target");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().kind(), ErrorKind::kBadInput);
  Put("usr/lib/systemd/system/app.target", "[Unit]\n");
  ASSERT_TRUE(Apply("default-target").has_value());
  EXPECT_EQ(source_.tree.Find("etc/systemd/system/default.target")->target,
            "/usr/lib/systemd/system/app.target");
}

TEST_F(Rules, UsersOfTheDefinition) {
  Put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
  Put("etc/group", "root:x:0:\nadm:x:4:\n");
  Put("etc/skel/.profile", "# profile\n");
  Put("bin/bash", "x");
  options_.users.push_back({.name = "worker", .groups = {"adm", "extra"}});
  options_.users.push_back({.name = "service", .home = "/var/lib/service", .system = true});
  options_.users.push_back({.name = "fixed", .uid = 1234, .gid = 4, .shell = "/bin/false"});
  ASSERT_TRUE(Apply("users").has_value());
  EXPECT_THAT(Text("etc/passwd"), HasSubstr("worker:x:1000:1000::/home/worker:/bin/bash\n"));
  EXPECT_THAT(Text("etc/passwd"), HasSubstr(":/var/lib/service:/usr/sbin/nologin\n"));
  EXPECT_THAT(Text("etc/passwd"), HasSubstr("fixed:x:1234:4::/home/fixed:/bin/false\n"));
  EXPECT_THAT(Text("etc/group"), HasSubstr("adm:x:4:worker\n"));
  EXPECT_THAT(Text("etc/group"), HasSubstr("extra:x:"));
  EXPECT_THAT(Text("etc/group"), Not(HasSubstr("fixed:")));
  EXPECT_THAT(Text("etc/shadow"), HasSubstr("worker:!:"));
  EXPECT_EQ(source_.tree.Find("home/worker")->uid, 1000U);
  EXPECT_EQ(source_.tree.Find("home/worker")->mode, 0700U);
  EXPECT_EQ(source_.tree.Find("home/worker/.profile")->uid, 1000U);
  EXPECT_EQ(source_.tree.Find("var/lib/service")->mode, 0750U);
  EXPECT_EQ(source_.tree.Find("etc/shadow")->mode, 0640U);
  // A second application finds the names taken.
  EXPECT_EQ(Apply("users").error().kind(), ErrorKind::kBadInput);
}

TEST_F(Rules, AGroupMayBeTheOwnOneOfAUserBeforeOrAfter) {
  for (const bool group_first : {false, true}) {
    source_.tree = {};
    options_.users.clear();
    Put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    Put("etc/group", "root:x:0:\n");
    options_.users.push_back({.name = "worker", .groups = {"crew", "other"}});
    const GuestUser crew{.name = "crew", .uid = 1500, .gid = 1500};
    options_.users.insert(group_first ? options_.users.begin() : options_.users.end(), crew);
    const auto applied = Apply("users");
    ASSERT_TRUE(applied) << applied.error().ToString();
    EXPECT_THAT(Text("etc/passwd"), HasSubstr("crew:x:1500:1500:"));
    EXPECT_THAT(Text("etc/group"), HasSubstr("crew:x:1500:worker\n"));
    EXPECT_THAT(Text("etc/group"), HasSubstr("other:x:100:worker\n"));
  }
}

TEST_F(Rules, UnitsFollowTheirInstallSection) {
  Put("usr/lib/systemd/system/app@.service",
      "[Install]\nWantedBy=multi-user.target\nDefaultInstance=one\nAlso=app.socket\n");
  Put("usr/lib/systemd/system/app.socket", "[Install]\nRequiredBy=sockets.target\n");
  options_.enabled_units = {"app@two.service"};
  ASSERT_TRUE(Apply("units").has_value());
  const Tree& tree = source_.tree;
  const std::string top = "etc/systemd/system/";
  ASSERT_TRUE(tree.Contains(top + "multi-user.target.wants/app@two.service"));
  EXPECT_EQ(tree.Find(top + "multi-user.target.wants/app@two.service")->target,
            "/usr/lib/systemd/system/app@.service");
  EXPECT_TRUE(tree.Contains(top + "sockets.target.requires/app.socket"));
}

TEST_F(Rules, UnitsAreEnabledAsSystemctlDoes) {
  const std::string units = "usr/lib/systemd/system/";
  const std::string top = "etc/systemd/system/";
  Put(units + "app.service",
      "[Service]\n[Install]\nAlias=other.service\nWantedBy=x.target\nAlso=gone.service\n");
  // [Install] of a drop-in counts, and a template has its instance in the link's name.
  Put(units + "app.service.d/more.conf", "[Install]\nRequiredBy=y.target\nWantedBy=z@%p.target\n");
  Put(units + "many@.service", "[Install]\nWantedBy=x.target\nDefaultInstance=one\n");
  Put(units + "bare.service", "[Service]\n");
  options_.enabled_units = {"app.service", "many@.service", "bare.service"};
  ASSERT_TRUE(Apply("units").has_value());
  for (const char* link : {"other.service", "x.target.wants/app.service",
                           "y.target.requires/app.service", "z@app.target.wants/app.service"}) {
    ASSERT_TRUE(source_.tree.Contains(top + link)) << link;
    EXPECT_EQ(source_.tree.Find(top + link)->target, "/usr/lib/systemd/system/app.service");
  }
  EXPECT_TRUE(source_.tree.Contains(top + "x.target.wants/many@one.service"));
  EXPECT_EQ(*Apply("units"), 0U) << "all of it is there";
  // An alias never takes the place of a file.
  source_.tree.Remove(top + "other.service");
  Put(top + "other.service", "[Service]\n");
  EXPECT_EQ(Apply("units").error().kind(), ErrorKind::kBadInput);
}

TEST_F(Rules, UnitsThatCannotBeEnabledOrMaskedAreRefused) {
  const std::string units = "usr/lib/systemd/system/";
  Put(units + "many@.service", "[Install]\nWantedBy=x.target\n");
  Put("etc/systemd/system/own.service", "[Install]\nWantedBy=x.target\n");
  ASSERT_TRUE(source_.tree.Put("etc/systemd/system/gone.service", MakeSymlink("/dev/null")));
  for (const char* name : {"many@.service", "gone.service", "absent.service", "no-unit"}) {
    options_.enabled_units = {name};
    const auto applied = Apply("units");
    ASSERT_FALSE(applied) << name;
    EXPECT_EQ(applied.error().kind(), ErrorKind::kBadInput) << name;
    EXPECT_THAT(applied.error().ToString(), HasSubstr(std::string("enable ") + name));
  }
  options_.masked_units = {"own.service"};
  EXPECT_EQ(Apply("masks").error().kind(), ErrorKind::kBadInput);
}

TEST_F(Rules, UnitsOfAnUpgradeAreNotEnabled) {
  // As debhelper writes it for a unit that is not enabled at installation.
  source_.scripts.push_back({"app", "1", "postinst",
                             "#!/bin/sh\nif [ \"$1\" = configure ]; then\n"
                             "if deb-systemd-helper debian-installed app-wait.service; then\n"
                             "  deb-systemd-helper enable app-wait.service\nfi\n"
                             "if deb-systemd-helper --quiet was-enabled app.service; then\n"
                             "  deb-systemd-helper enable app.service\nelse\n"
                             "  deb-systemd-helper update-state app.service\nfi\nfi\n"});
  Put("usr/lib/systemd/system/app.service", "[Install]\nWantedBy=multi-user.target\n");
  Put("usr/lib/systemd/system/app-wait.service", "[Install]\nWantedBy=multi-user.target\n");
  FinishReport report;
  ClassifyScripts(source_, options_, report);
  EXPECT_THAT(report.units_left_disabled, ElementsAre("app.service"));
}

TEST_F(Rules, SecretsGoAndAreNamed) {
  Put("etc/ssh/ssh_host_ed25519_key", "secret");
  Put("etc/ssh/ssh_host_ed25519_key.pub", "public");
  Put("var/lib/systemd/random-seed", "seed");
  Put("var/lib/dbus/machine-id", "0123\n");
  ASSERT_TRUE(Apply("secrets").has_value());
  EXPECT_FALSE(source_.tree.Contains("etc/ssh/ssh_host_ed25519_key"));
  EXPECT_FALSE(source_.tree.Contains("var/lib/systemd/random-seed"));
  EXPECT_EQ(source_.tree.Find("var/lib/dbus/machine-id")->target, "/etc/machine-id");
}

TEST_F(Rules, FileRowsDoNotReplaceWhatIsThere) {
  Install("chrony");
  Put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n_chrony:x:100:101::/:/bin/false\n");
  Put("etc/group", "root:x:0:\n_chrony:x:101:\n");
  Put("usr/share/chrony/chrony.conf", "shipped\n");
  Put("usr/share/chrony/chrony.keys", "keys\n");
  Put("etc/chrony/chrony.conf", "mine\n");
  ASSERT_TRUE(Apply("chrony-files").has_value());
  EXPECT_EQ(Text("etc/chrony/chrony.conf"), "mine\n");
  EXPECT_EQ(Text("etc/chrony/chrony.keys"), "keys\n");
  EXPECT_EQ(source_.tree.Find("etc/chrony/chrony.keys")->gid, 101U);
  EXPECT_EQ(source_.tree.Find("var/lib/chrony")->uid, 100U);
}

TEST_F(Rules, ChronysReferenceIsTheHostsClock) {
  Install("chrony");
  Put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n_chrony:x:100:101::/:/bin/false\n");
  Put("etc/group", "root:x:0:\n_chrony:x:101:\n");
  Put("usr/share/chrony/chrony.conf", "pool 2.debian.pool.ntp.org iburst\n");
  ASSERT_TRUE(Apply("chrony-files").has_value());
  ASSERT_TRUE(Apply("chrony-reference").has_value());
  EXPECT_EQ(Text("etc/chrony/chrony.conf").find("pool"), std::string::npos);
  EXPECT_NE(Text("etc/chrony/chrony.conf").find("confdir /etc/chrony/conf.d\n"), std::string::npos);
  EXPECT_NE(Text("etc/chrony/conf.d/inro.conf").find("confdir /run/inro/chrony.d\n"),
            std::string::npos);
}

// No artifact has host keys; the guest makes them, for a daemon and for a socket.
TEST_F(Rules, HostKeysAreMadeAtBoot) {
  Install("openssh-server");
  ASSERT_TRUE(Apply("ssh-host-keys"));
  const std::string units = "usr/lib/systemd/system/";
  EXPECT_THAT(Text(units + "ssh-host-keys.service"), HasSubstr("ExecStart=/usr/bin/ssh-keygen -A"));
  EXPECT_THAT(Text(units + "ssh.service.d/host-keys.conf"), HasSubstr("After=ssh-host-keys"));
  EXPECT_THAT(Text(units + "ssh.socket.d/host-keys.conf"), HasSubstr("Wants=ssh-host-keys"));
  ASSERT_TRUE(Apply("ssh-connection"));
  EXPECT_THAT(Text(units + "ssh@.service"), HasSubstr("sshd -i"));
}

TEST_F(Rules, ASyslogDaemonHasItsSocketWithoutSystemd) {
  Install("rsyslog");
  ASSERT_TRUE(Apply("syslog-socket"));
  EXPECT_THAT(Text("usr/lib/systemd/system/syslog.socket"), HasSubstr("Service=syslog.service"));
  Put("usr/lib/systemd/system/syslog.socket", "systemd's own");
  ASSERT_TRUE(Apply("syslog-socket"));
  EXPECT_EQ(Text("usr/lib/systemd/system/syslog.socket"), "systemd's own");
}

TEST_F(Rules, GroupsOfDeviceNodes) {
  Put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  Put("etc/group", "root:x:0:\n");
  Install("udev");
  ASSERT_TRUE(Apply("adduser"));
  for (const char* group : {"input:", "sgx:", "kvm:", "render:"}) {
    EXPECT_THAT(Text("etc/group"), HasSubstr(group));
  }
}

}  // namespace
}  // namespace inro::image
