#include "image/write/ext4.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "image/write/sample_tree.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

class Ext4 : public testing::Test {
 protected:
  void SetUp() override {
    auto made = sys::TempDir::Create("ext4");
    ASSERT_TRUE(made.has_value());
    folder_ = std::make_unique<sys::TempDir>(std::move(*made));
    path_ = folder_->path() + "/image";
  }

  void ExpectClean(const std::string& path) {
    const auto fsck = sys::Run({"e2fsck", "-fn", path});
    if (!fsck) GTEST_SKIP() << "e2fsck is missing";
    EXPECT_EQ(fsck->status, 0) << fsck->out << fsck->err;
  }

  std::unique_ptr<sys::TempDir> folder_;
  std::string path_;
};

TEST_F(Ext4, EveryNodeComesBackAndFsckFindsNothing) {
  const Tree tree = SampleTree();
  const auto size = WriteExt4(tree, path_, {.epoch = 1700000000});
  ASSERT_TRUE(size.has_value()) << size.error().ToString();
  EXPECT_EQ(*size % 4096, 0u);
  const auto back = ReadExt4(path_);
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  ExpectSameTree(*back, tree);
  ExpectClean(path_);
}

TEST_F(Ext4, EqualInputGivesEqualBytes) {
  const Tree tree = SampleTree();
  ASSERT_TRUE(WriteExt4(tree, path_, {.epoch = 5}).has_value());
  const mode_t before = ::umask(0);
  ASSERT_TRUE(WriteExt4(tree, path_ + "2", {.epoch = 5}).has_value());
  ::umask(before);
  EXPECT_TRUE(sys::ReadFile(path_).value() == sys::ReadFile(path_ + "2").value());
}

TEST_F(Ext4, AnEpochOfZeroIsNotTheClock) {
  ASSERT_TRUE(WriteExt4(SampleTree(), path_).has_value());
  const std::string image = sys::ReadFile(path_).value();
  // s_wtime, s_lastcheck, s_mkfs_time of the superblock at byte 1024.
  for (const std::size_t field : {0x30, 0x40, 0x108}) {
    EXPECT_EQ(image.substr(1024 + field, 4), std::string("\1\0\0\0", 4)) << field;
  }
}

TEST_F(Ext4, FreeSpaceIsThereAndAnOffsetIsKept) {
  Tree tree;
  ASSERT_TRUE(tree.Put("etc/hostname", MakeFile("guest\n")).has_value());
  constexpr std::uint64_t kFree = 64 << 20;
  const auto size = WriteExt4(tree, path_, {.offset = 3 << 20, .free_bytes = kFree});
  ASSERT_TRUE(size.has_value()) << size.error().ToString();
  EXPECT_GT(*size, kFree);
  EXPECT_LT(*size, kFree + (4 << 20));
  const auto back = ReadExt4(path_, 3 << 20);
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  ExpectSameTree(*back, tree);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 4 << 20) << "free blocks should be holes";
}

TEST_F(Ext4, ASizeThatIsTooSmallIsSaidSo) {
  const auto size = WriteExt4(SampleTree(), path_, {.size = 4 << 20});
  ASSERT_FALSE(size.has_value());
  EXPECT_EQ(size.error().kind(), ErrorKind::kBadInput);
}

TEST_F(Ext4, TightSizesAreClean) {
  for (const std::size_t files : {0, 1, 100, 3000}) {
    Tree tree;
    for (std::size_t i = 0; i < files; ++i) {
      ASSERT_TRUE(tree.Put(fmt::format("d/{}", i), MakeFile(Noise(i))).has_value());
    }
    ASSERT_TRUE(sys::RemoveAll(path_).has_value());
    const auto size = WriteExt4(tree, path_, {.epoch = 1});
    ASSERT_TRUE(size.has_value()) << files << ": " << size.error().ToString();
    ExpectClean(path_);
  }
}

TEST_F(Ext4, ReaderRefusesOtherBytes) {
  ASSERT_TRUE(sys::WriteFile(path_, Noise(100000)).has_value());
  EXPECT_FALSE(ReadExt4(path_).has_value());
  EXPECT_FALSE(ReadExt4(path_ + "-absent").has_value());
}

}  // namespace
}  // namespace inro::image
