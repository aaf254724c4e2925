// The small parsers and tables of role init: accounts, boot.conf, module lists, mounts,
// directories.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "guest/init/accounts.h"
#include "guest/init/boot_conf.h"
#include "guest/init/module_loader.h"
#include "guest/init/mount_table.h"
#include "guest/init/service_directories.h"
#include "sys/fake/fake_mounts.h"
#include "sys/fake/memory_file_source.h"
#include "sys/remove_tree.h"

namespace inro::guest {
namespace {

struct AccountsTest : testing::Test {
  AccountsTest() {
    files.AddFile("/etc/passwd",
                  "root:x:0:0:root:/root:/bin/sh\nbroken\n_chrony:x:101:102::/var/lib/chrony:\n"
                  "bad:x:-1:7::/:/bin/sh\n");
    files.AddFile("/etc/group", "root:x:0:\n_chrony:x:102:\nclock:x:44:nobody,_chrony\nbroken:x\n");
  }
  sys::MemoryFileSource files;
  Accounts accounts{files};
};

TEST_F(AccountsTest, FindsByNameAndNumber) {
  const auto user = accounts.FindUser("_chrony");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, 101U);
  EXPECT_EQ(user->gid, 102U);
  EXPECT_EQ(user->home, "/var/lib/chrony");
  EXPECT_EQ(accounts.GroupsOf(*user), (std::vector<gid_t>{102, 44}));
  EXPECT_EQ(accounts.FindUser("101")->name, "_chrony");
  EXPECT_EQ(accounts.FindUser("4000")->uid, 4000U);
  EXPECT_EQ(accounts.FindGroup("clock").value_or(0), 44U);
  EXPECT_FALSE(accounts.FindUser("nobody"));
  EXPECT_FALSE(accounts.FindUser("bad"));
  EXPECT_FALSE(accounts.FindGroup("_chron"));
}

TEST(MountTableTest, AllMountsAreShared) {
  sys::FakeMounts mounts;
  KernelLog log;
  ShareMounts(mounts, log);
  ASSERT_EQ(mounts.mounted.size(), 1U);
  EXPECT_EQ(mounts.mounted[0].target, "/");
  EXPECT_EQ(mounts.mounted[0].flags, static_cast<unsigned long>(MS_SHARED | MS_REC));
}

TEST(BootConfTest, FileThenCommandLine) {
  BootConf conf = ParseBootConf("# made by inro\n init = systemd \noverlay = no\nnonsense\nx=y");
  EXPECT_EQ(conf.Executable(), "/usr/lib/systemd/systemd");
  EXPECT_FALSE(conf.overlay);
  ApplyCommandLine(unit::KernelCommandLine::Parse("quiet inro.init=/sbin/mine inro.overlay=1"),
                   conf);
  EXPECT_EQ(conf.Executable(), "/sbin/mine");
  EXPECT_TRUE(conf.overlay);
  EXPECT_EQ(ParseBootConf("init = inro").Executable(), "");
  EXPECT_EQ(ParseBootConf("").Executable(), "");
}

TEST(ModuleListTest, PathsBecomeAbsoluteAndCommentsGo) {
  EXPECT_EQ(ParseModuleList("# early\n/a/b.ko\n\n  c/d.ko.xz \n;x\n"),
            (std::vector<std::string>{"/a/b.ko", "/c/d.ko.xz"}));
  EXPECT_TRUE(ParseModuleList("").empty());
}

TEST(MountTableTest, TheUnifiedHierarchyUnlessAskedOtherwise) {
  const auto choose = [](const char* line) {
    return ChooseCgroups(unit::KernelCommandLine::Parse(line));
  };
  EXPECT_EQ(choose(""), CgroupVersion::kV2);
  EXPECT_EQ(choose("agent.unified_cgroup_hierarchy=false"), CgroupVersion::kV1);
  EXPECT_EQ(choose("systemd.unified_cgroup_hierarchy=0"), CgroupVersion::kV1);
  EXPECT_EQ(choose("systemd.unified_cgroup_hierarchy=0 cgroup_no_v1=all"), CgroupVersion::kV2);
}

TEST(MountTableTest, RowsAreAbsoluteAndSafe) {
  for (const auto rows : {EarlyMounts(), StandardMounts()}) {
    for (const MountRow& row : rows) {
      EXPECT_TRUE(row.target.starts_with('/')) << row.target;
      EXPECT_NE(row.flags & 2UL, 0U) << row.target << " lacks nosuid";
    }
  }
}

TEST(ServiceDirectoriesTest, AreMadeWithTheirModesAndRemoved) {
  char root[] = "/tmp/inro-directories-XXXXXX";
  ASSERT_NE(::mkdtemp(root), nullptr);
  const std::string base = root;
  for (const char* folder : {"/run", "/var", "/var/lib"}) {
    ASSERT_EQ(::mkdir((base + folder).c_str(), 0755), 0);
  }
  unit::ExecSettings exec;
  exec.directories[unit::kRuntime] = {{"chrony/deep"}, 0750};
  exec.directories[unit::kState] = {{"chrony"}, 0700};
  int exit_code = 0;
  const auto made = MakeServiceDirectories(exec, {::getuid(), ::getgid()}, exit_code, root);
  ASSERT_TRUE(made) << made.error().ToString();
  struct stat info{};
  ASSERT_EQ(::stat((base + "/run/chrony/deep").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750U);
  ASSERT_EQ(::stat((base + "/var/lib/chrony").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  EXPECT_EQ(unit::GetVariable(DirectoryVariables(exec), "STATE_DIRECTORY"), "/var/lib/chrony");
  RemoveRuntimeDirectories(exec, root);
  EXPECT_NE(::stat((base + "/run/chrony/deep").c_str(), &info), 0);
  EXPECT_EQ(::stat((base + "/var/lib/chrony").c_str(), &info), 0);
  EXPECT_TRUE(sys::RemoveTree(root));
}

TEST(ModuleGroups, AnEmptyLineParts) {
  const auto groups = ParseModuleGroups("\n/a.ko\nb.ko\n \n\n# why\n/c.ko\n");
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0], (std::vector<std::string>{"/a.ko", "/b.ko"}));
  EXPECT_EQ(groups[1], (std::vector<std::string>{"/c.ko"}));
  EXPECT_TRUE(ParseModuleGroups("").empty());
}

}  // namespace
}  // namespace inro::guest
