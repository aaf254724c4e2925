#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/directory.h"
#include "sys/file.h"
#include "sys/tree_path.h"
#include "sys/tree_reader.h"
#include "sys/tree_writer.h"

namespace inro::sys {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TreeCopyTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDir::Create("inro-tree");
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(std::move(*folder));
    source_ = folder_->path() + "/source";
    target_ = folder_->path() + "/target";
    ASSERT_TRUE(MakeDirectories(source_));
  }

  // Reads the source and writes the target, as the two ends of a copy do.
  Result<> Copy(TreeWriter::Options options = {}, std::size_t content_limit = 16) {
    INRO_ASSIGN(TreeReader reader,
                TreeReader::Open(source_, {.attributes = true, .content_limit = content_limit}));
    INRO_ASSIGN(const auto writer, TreeWriter::Begin(target_, options));
    std::vector<TreeEntry> folders;
    while (true) {
      INRO_ASSIGN(const auto entry, reader.Next());
      if (!entry) break;
      for (std::size_t i = 0; i + 1 < entry->extents.size(); i += 2) {
        INRO_ASSIGN(const std::string data,
                    reader.Read(*entry, entry->extents[i], entry->extents[i + 1]));
        INRO_TRY(writer->Write(entry->path, entry->extents[i], data));
      }
      INRO_TRY(writer->Put(*entry));
      if (entry->type == TreeEntryType::kDirectory) folders.push_back(*entry);
    }
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
      INRO_TRY(writer->FinishFolder(*folder));
    }
    return {};
  }

  static struct stat Look(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  std::optional<TempDir> folder_;
  std::string source_;
  std::string target_;
};

TEST_F(TreeCopyTest, ATreeComesOutAsItWas) {
  ASSERT_TRUE(MakeDirectories(source_ + "/sub/deeper"));
  ASSERT_TRUE(WriteFile(source_ + "/small", "few bytes", 0640));
  ASSERT_TRUE(WriteFile(source_ + "/sub/large", std::string(100'000, 'x'), 0751));
  ASSERT_TRUE(WriteFile(source_ + "/sub/empty", ""));
  ASSERT_EQ(::link((source_ + "/sub/large").c_str(), (source_ + "/twin").c_str()), 0);
  ASSERT_EQ(::symlink("../nowhere", (source_ + "/sub/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((source_ + "/pipe").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((source_ + "/sub").c_str(), 0555), 0);
  const timespec times[2] = {{1'000'000'000, 5}, {1'000'000'000, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (source_ + "/sub").c_str(), times, 0), 0);
  const auto copied = Copy();
  ASSERT_TRUE(copied) << copied.error().ToString();
  EXPECT_EQ(*ReadFile(target_ + "/small"), "few bytes");
  EXPECT_EQ(Look(target_ + "/small").st_mode & 07777, 0640u);
  EXPECT_EQ(*ReadFile(target_ + "/sub/large"), std::string(100'000, 'x'));
  EXPECT_EQ(Look(target_ + "/sub/large").st_mode & 07777, 0751u);
  EXPECT_EQ(Look(target_ + "/twin").st_ino, Look(target_ + "/sub/large").st_ino);
  EXPECT_EQ(Look(target_ + "/sub").st_mode & 07777, 0555u);
  EXPECT_EQ(Look(target_ + "/sub").st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(Look(target_ + "/sub").st_mtim.tv_nsec, 5);
  EXPECT_TRUE(S_ISFIFO(Look(target_ + "/pipe").st_mode));
  char link[32] = {};
  EXPECT_EQ(::readlink((target_ + "/sub/link").c_str(), link, sizeof link - 1), 10);
  EXPECT_STREQ(link, "../nowhere");
  EXPECT_THAT(*ListDirectory(target_), ElementsAre("pipe", "small", "sub", "twin"));
  ASSERT_EQ(::chmod((source_ + "/sub").c_str(), 0755), 0);
  ASSERT_EQ(::chmod((target_ + "/sub").c_str(), 0755), 0);
  // Again, over what is there.
  EXPECT_TRUE(Copy());
  EXPECT_EQ(Look(target_ + "/twin").st_nlink, 2u);
}

TEST_F(TreeCopyTest, ASingleFileReplacesAnother) {
  ASSERT_TRUE(RemoveAll(source_));
  ASSERT_TRUE(WriteFile(source_, "new"));
  ASSERT_TRUE(WriteFile(target_, "old and longer"));
  ASSERT_TRUE(Copy());
  EXPECT_EQ(*ReadFile(target_), "new");
  EXPECT_THAT(*ListDirectory(folder_->path()), ElementsAre("source", "target"));
}

TEST_F(TreeCopyTest, HolesStayHoles) {
  const int fd = ::open((source_ + "/sparse").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::pwrite(fd, "begin", 5, 0), 5);
  ASSERT_EQ(::pwrite(fd, "end", 3, 64 << 20), 3);
  ASSERT_EQ(::ftruncate(fd, 128 << 20), 0);
  ::close(fd);
  if (Look(source_ + "/sparse").st_blocks * 512 > 64 << 20) GTEST_SKIP() << "no sparse files here";
  ASSERT_TRUE(Copy());
  EXPECT_EQ(Look(target_ + "/sparse").st_size, 128 << 20);
  EXPECT_LT(Look(target_ + "/sparse").st_blocks * 512, 1 << 20);
  const auto text = ReadFile(target_ + "/sparse");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->substr(0, 6), std::string("begin\0", 6));
  EXPECT_EQ(text->substr(64 << 20, 3), "end");
}

TEST_F(TreeCopyTest, SetIdBitsOnlyWithOwners) {
  ASSERT_TRUE(WriteFile(source_ + "/tool", "x"));
  ASSERT_EQ(::chmod((source_ + "/tool").c_str(), 06755), 0);
  ASSERT_TRUE(Copy());
  EXPECT_EQ(Look(target_ + "/tool").st_mode & 07777, 0755u);
  ASSERT_TRUE(Copy({.keep_owners = true, .devices = false}));
  EXPECT_EQ(Look(target_ + "/tool").st_mode & 07777, 06755u);
}

TEST_F(TreeCopyTest, NothingLeavesTheRoot) {
  const auto writer = TreeWriter::Begin(target_, {});
  ASSERT_TRUE(writer);
  TreeEntry folder;
  folder.type = TreeEntryType::kDirectory;
  ASSERT_TRUE((*writer)->Put(folder));
  TreeEntry link;
  link.type = TreeEntryType::kSymlink;
  link.path = "out";
  link.link = folder_->path();
  ASSERT_TRUE((*writer)->Put(link));
  TreeEntry file;
  file.type = TreeEntryType::kFile;
  file.whole = true;
  for (const char* path : {"out/escaped", "../escaped", "/escaped", "a//b", ".", "a/../../x"}) {
    file.path = path;
    EXPECT_FALSE((*writer)->Put(file)) << path;
    EXPECT_FALSE((*writer)->Write(path, 0, "x")) << path;
  }
  file.path = "hard";
  file.same_as = "../source";
  EXPECT_FALSE((*writer)->Put(file));
  EXPECT_THAT(*ListDirectory(folder_->path()), ElementsAre("source", "target"));
  TreeEntry device;
  device.type = TreeEntryType::kCharacterDevice;
  device.path = "null";
  device.major = 1;
  device.minor = 3;
  const auto refused = (*writer)->Put(device);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("device"));
}

TEST_F(TreeCopyTest, HalfAFileNeverAppears) {
  {
    const auto writer = TreeWriter::Begin(target_, {});
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->Write("", 0, "half"));
    EXPECT_FALSE(Exists(target_));
    EXPECT_EQ(ListDirectory(folder_->path())->size(), 2u);  // the file beside its place
  }
  EXPECT_THAT(*ListDirectory(folder_->path()), ElementsAre("source"));
}

TEST_F(TreeCopyTest, AFileThatChangesIsNoticed) {
  ASSERT_TRUE(WriteFile(source_ + "/file", std::string(1000, 'a')));
  auto reader = TreeReader::Open(source_, {});
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->Next().value());
  const TreeEntry file = **reader->Next();
  ASSERT_EQ(file.extents.size(), 2u);
  ASSERT_TRUE(WriteFile(source_ + "/file", "short"));
  EXPECT_FALSE(reader->Read(file, 0, 1000));
  ASSERT_TRUE(WriteFile(source_ + "/other", std::string(1000, 'b')));
  auto fresh = TreeReader::Open(source_, {});
  ASSERT_EQ(::rename((source_ + "/other").c_str(), (source_ + "/file").c_str()), 0);
  EXPECT_THAT(fresh->Read(file, 0, 10).error().ToString(), HasSubstr("replaced"));
  EXPECT_FALSE(reader->Next().value());
}

TEST(TreeReader, FilesThatDoNotKnowTheirSize) {
  auto reader = TreeReader::Open("/proc/self/status", {.content_limit = 64 << 10});
  ASSERT_TRUE(reader);
  const auto entry = reader->Next();
  ASSERT_TRUE(entry && *entry);
  EXPECT_THAT((*entry)->content, HasSubstr("Pid:"));
  EXPECT_EQ((*entry)->size, (*entry)->content.size());
}

TEST(TreePath, Plain) {
  EXPECT_TRUE(CheckTreePath(""));
  EXPECT_TRUE(CheckTreePath("a/..b/.c"));
  for (const char* path : {"/", "/a", "a/", "a//b", "..", "a/./b", "a/.."}) {
    EXPECT_FALSE(CheckTreePath(path)) << path;
  }
}

}  // namespace
}  // namespace inro::sys
