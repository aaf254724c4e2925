#include "image/write/artifact.h"

#include <gtest/gtest.h>

#include "image/write/disk.h"
#include "image/write/erofs.h"
#include "image/write/ext4.h"
#include "image/write/initrd.h"
#include "image/write/sample_tree.h"
#include "sys/file.h"

namespace inro::image {
namespace {

class Artifact : public testing::Test {
 protected:
  void SetUp() override {
    auto made = sys::TempDir::Create("artifact");
    ASSERT_TRUE(made.has_value());
    folder_ = std::make_unique<sys::TempDir>(std::move(*made));
    path_ = folder_->path() + "/file";
  }

  OpenedArtifact Open(std::string_view kind, const Tree& want) {
    auto opened = OpenArtifact(path_);
    EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().ToString());
    if (!opened) return {};
    EXPECT_EQ(ArtifactKindName(opened->kind), kind);
    ExpectSameTree(opened->tree, want);
    return std::move(*opened);
  }

  std::unique_ptr<sys::TempDir> folder_;
  std::string path_;
};

TEST_F(Artifact, DisksOfEveryRootFormat) {
  for (const RootFormatRow& row : RootFormats()) {
    ASSERT_TRUE(WriteDisk(SampleTree(), path_, {.format = row.id}).has_value());
    const OpenedArtifact opened = Open("disk", SampleTree());
    EXPECT_TRUE(opened.dax_header);
    EXPECT_EQ(opened.root_format, row.name);
  }
}

TEST_F(Artifact, BareFileSystems) {
  ASSERT_TRUE(WriteExt4(SampleTree(), path_).has_value());
  Open("ext4", SampleTree());
  ASSERT_TRUE(sys::WriteFile(path_, WriteErofs(SampleTree()).value()).has_value());
  Open("erofs", SampleTree());
}

TEST_F(Artifact, InitrdsOfBothLayouts) {
  const Tree plain = SampleTree(false);
  for (const Compression format : {Compression::kNone, Compression::kLz4, Compression::kGzip}) {
    ASSERT_TRUE(sys::WriteFile(path_, WriteFlatInitrd(plain, format, 0).value()).has_value());
    EXPECT_FALSE(Open("flat", plain).outer.has_value());
  }
  Tree outer;
  ASSERT_TRUE(outer.Put("init", MakeFile("#!", 0755)).has_value());
  const std::string body = WriteErofs(SampleTree()).value();
  ASSERT_TRUE(sys::WriteFile(path_, AssembleNested(outer, body, 0).value()).has_value());
  const OpenedArtifact opened = Open("nested", SampleTree());
  ASSERT_TRUE(opened.outer.has_value());
  ExpectSameTree(*opened.outer, outer);
}

TEST_F(Artifact, OtherFilesAreBadInput) {
  for (const std::string& bytes : {std::string(), std::string("hello"), Noise(100000)}) {
    ASSERT_TRUE(sys::WriteFile(path_, bytes).has_value());
    EXPECT_EQ(OpenArtifact(path_).error().kind(), ErrorKind::kBadInput);
  }
  EXPECT_EQ(OpenArtifact(path_ + "-absent").error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace inro::image
