#include "sys/remove_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sys/file.h"

namespace inro::sys {
namespace {

using testing::HasSubstr;

TEST(RemoveTree, RemovesAllAndFollowsNoLink) {
  const auto folder = TempDir::Create("inro-remove").value();
  const std::string tree = folder.path() + "/tree";
  ASSERT_TRUE(MakeDirectories(tree + "/a/b/c"));
  ASSERT_TRUE(MakeDirectories(folder.path() + "/kept"));
  ASSERT_TRUE(WriteFile(folder.path() + "/kept/file", "x"));
  ASSERT_TRUE(WriteFile(tree + "/a/b/file", "x"));
  ASSERT_EQ(::symlink("../kept", (tree + "/link").c_str()), 0);
  ASSERT_TRUE(RemoveTree(tree));
  EXPECT_FALSE(Exists(tree));
  EXPECT_TRUE(Exists(folder.path() + "/kept/file"));
  EXPECT_TRUE(RemoveTree(tree));
  EXPECT_FALSE(RemoveTree(folder.path() + "/kept/file"));
}

TEST(RemoveTree, StopsAtAMount) {
  const auto folder = TempDir::Create("inro-remove").value();
  const std::string share = folder.path() + "/tree/share";
  ASSERT_TRUE(MakeDirectories(share));
  if (::mount("tmpfs", share.c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "cannot mount";
  ASSERT_TRUE(WriteFile(share + "/precious", "x"));
  const auto removed = RemoveTree(folder.path() + "/tree");
  EXPECT_TRUE(Exists(share + "/precious"));
  ::umount(share.c_str());
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().ToString(), HasSubstr("is mounted"));
}

}  // namespace
}  // namespace inro::sys
