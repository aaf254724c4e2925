#include "guest/control/account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "guest/control/role_state.h"
#include "sys/fake/memory_file_source.h"
#include "sys/file.h"

namespace inro::guest::control {
namespace {

using testing::ElementsAre;

class AccountTest : public testing::Test {
 protected:
  void SetUp() override {
    files_.AddFile("/etc/passwd",
                   "root:x:0:0:root:/root:/bin/bash\n"
                   "broken line\n"
                   "_chrony:x:101:102:Chrony,,,:/var/lib/chrony:/usr/sbin/nologin\n"
                   "homeless:x:103:103:::\n");
    files_.AddFile("/etc/group",
                   "root:x:0:\nadm:x:4:_chrony,root\n_chrony:x:102:\nstaff:x:50:other,_chrony2\n");
  }
  sys::MemoryFileSource files_;
};

TEST_F(AccountTest, ByNameNumberAndGroup) {
  const auto chrony = FindAccount("_chrony", files_);
  ASSERT_TRUE(chrony);
  EXPECT_EQ(chrony->uid, 101u);
  EXPECT_EQ(chrony->gid, 102u);
  EXPECT_EQ(chrony->home, "/var/lib/chrony");
  EXPECT_THAT(chrony->groups, ElementsAre(102, 4));
  EXPECT_EQ(FindAccount("101", files_)->name, "_chrony");
  EXPECT_EQ(FindAccount("_chrony:adm", files_)->gid, 4u);
  EXPECT_EQ(FindAccount("_chrony:77", files_)->gid, 77u);
  EXPECT_EQ(FindAccount("", files_)->name, "root");
  EXPECT_EQ(FindAccount("homeless", files_)->home, "/");
}

TEST_F(AccountTest, ANumberNeedsNoEntryANameDoes) {
  const auto stranger = FindAccount("4321:99", files_);
  ASSERT_TRUE(stranger);
  EXPECT_EQ(stranger->uid, 4321u);
  EXPECT_EQ(stranger->gid, 99u);
  EXPECT_THAT(stranger->groups, ElementsAre(99));
  EXPECT_FALSE(FindAccount("nobody-here", files_));
  EXPECT_FALSE(FindAccount("root:no-group", files_));
  EXPECT_FALSE(FindAccount("-1", files_));
  EXPECT_FALSE(FindAccount("4294967296", files_));
  const sys::MemoryFileSource empty;
  EXPECT_EQ(FindAccount("", empty)->uid, 0u);
}

TEST(RoleState, OnlyWhatRolesHaveWritten) {
  const auto folder = sys::TempDir::Create("inro-state");
  ASSERT_TRUE(folder);
  ASSERT_TRUE(sys::WriteFile(folder->path() + "/clock.json", "{\"offset\": 1}"));
  EXPECT_EQ(*ReadRoleState("clock", folder->path()), "{\"offset\": 1}");
  EXPECT_EQ(ReadRoleState("logs", folder->path()).error().kind(), ErrorKind::kNotFound);
  for (const char* name : {"", "../clock", "Clock", "a/b", "clock.json"}) {
    EXPECT_EQ(ReadRoleState(name, folder->path()).error().kind(), ErrorKind::kBadInput) << name;
  }
}

}  // namespace
}  // namespace inro::guest::control
