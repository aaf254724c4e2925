#include "vmm/guest/run_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "sys/file.h"

namespace inro::vmm {
namespace {

class RunFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto dir = sys::TempDir::Create("inro-run");
    ASSERT_TRUE(dir.has_value());
    dir_.emplace(std::move(*dir));
    root_ = dir_->path() + "/guests";
  }
  std::optional<sys::TempDir> dir_;
  std::string root_;
};

TEST_F(RunFolderTest, IsPrivateAndGoesWithItsOwner) {
  std::string path;
  {
    const auto folder = RunFolder::Create("one", root_);
    ASSERT_TRUE(folder.has_value()) << folder.error().ToString();
    path = folder->paths().folder;
    EXPECT_EQ(path, root_ + "/one");
    struct stat info{};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0700u);
    ASSERT_EQ(::stat(root_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0700u);
  }
  EXPECT_FALSE(sys::Exists(path));
}

TEST_F(RunFolderTest, ANameIsTakenOnce) {
  const auto first = RunFolder::Create("one", root_);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(RunFolder::Create("one", root_).has_value());
  const auto chosen = RunFolder::Create("", root_);
  const auto another = RunFolder::Create("", root_);
  ASSERT_TRUE(chosen.has_value() && another.has_value());
  EXPECT_NE(chosen->name(), another->name());
}

TEST_F(RunFolderTest, LeftOverFoldersAreSweptAndLiveOrKeptOnesNot) {
  const auto live = RunFolder::Create("live", root_);
  ASSERT_TRUE(live.has_value());
  for (const char* name : {"/dead", "/kept"}) {
    ASSERT_TRUE(sys::MakeDirectories(root_ + name, 0700).has_value());
    ASSERT_TRUE(sys::WriteFile(root_ + name + "/lock", "").has_value());
  }
  ASSERT_TRUE(sys::WriteFile(root_ + "/kept/keep", "").has_value());
  // A start that has not locked its folder yet.
  ASSERT_TRUE(sys::MakeDirectories(root_ + "/fresh", 0700).has_value());
  EXPECT_EQ(SweepGuests(root_), 1);
  EXPECT_FALSE(sys::Exists(root_ + "/dead"));
  EXPECT_TRUE(sys::Exists(root_ + "/kept"));
  EXPECT_TRUE(sys::Exists(root_ + "/fresh"));
  EXPECT_TRUE(sys::Exists(root_ + "/live"));
  // The dead one's name is free again; the kept one's is not.
  EXPECT_TRUE(RunFolder::Create("dead", root_).has_value());
  const auto kept = RunFolder::Create("kept", root_);
  ASSERT_FALSE(kept.has_value());
  EXPECT_NE(kept.error().ToString().find("was kept"), std::string::npos);
}

TEST_F(RunFolderTest, KeepLeavesTheFolder) {
  {
    auto folder = RunFolder::Create("one", root_);
    ASSERT_TRUE(folder.has_value());
    folder->Keep();
  }
  EXPECT_TRUE(sys::Exists(root_ + "/one/keep"));
}

TEST_F(RunFolderTest, BadNamesAndRootsAreRefused) {
  for (const char* name : {"..", ".x", "a/b", "-x", "a b", "a,b"}) {
    const auto folder = RunFolder::Create(name, root_);
    ASSERT_FALSE(folder.has_value()) << name;
    EXPECT_EQ(folder.error().kind(), ErrorKind::kBadInput);
  }
  EXPECT_EQ(RunFolder::Create("x", root_ + std::string(100, 'y')).error().kind(),
            ErrorKind::kBadInput);
  ASSERT_TRUE(sys::MakeDirectories(root_).has_value());
  ASSERT_EQ(::chmod(root_.c_str(), 0777), 0);
  EXPECT_FALSE(RunFolder::Create("x", root_).has_value());
}

TEST_F(RunFolderTest, GuestsAreFoundByName) {
  ASSERT_EQ(::setenv("XDG_RUNTIME_DIR", dir_->path().c_str(), 1), 0);
  EXPECT_EQ(GuestsRoot(), dir_->path() + "/inro/guests");
  {
    const auto folder = RunFolder::Create("one");
    ASSERT_TRUE(folder.has_value()) << folder.error().ToString();
    const auto found = FindRunFolder("one");
    ASSERT_TRUE(found.has_value()) << found.error().ToString();
    EXPECT_EQ(found->hybrid_socket(), dir_->path() + "/inro/guests/one/vsock.sock");
  }
  EXPECT_EQ(FindRunFolder("one").error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(FindRunFolder("../x").error().kind(), ErrorKind::kNotFound);
  ::unsetenv("XDG_RUNTIME_DIR");
}

}  // namespace
}  // namespace inro::vmm
