#include "image/build/staging.h"

#include <gtest/gtest.h>

namespace inro::image {
namespace {

class StagingTest : public testing::Test {
 protected:
  void SetUp() override {
    auto dir = sys::TempDir::Create("inro-staging");
    ASSERT_TRUE(dir);
    dir_.emplace(std::move(*dir));
  }
  std::string Path(std::string_view name) const { return fmt::format("{}/{}", dir_->path(), name); }
  std::optional<sys::TempDir> dir_;
};

TEST_F(StagingTest, WhatIsPublishedStands) {
  {
    auto staging = Staging::Create(Path("a/b"), nullptr);
    ASSERT_TRUE(staging) << staging.error().ToString();
    ASSERT_TRUE(staging->Write("x", "content"));
    EXPECT_FALSE(sys::Exists(Path("a/b/x")));
    ASSERT_TRUE(staging->Publish());
  }
  EXPECT_EQ(sys::ReadFile(Path("a/b/x")), "content");
}

TEST_F(StagingTest, WithoutPublishingNothingIsLeft) {
  {
    auto staging = Staging::Create(Path("a/b"), nullptr);
    ASSERT_TRUE(staging) << staging.error().ToString();
    ASSERT_TRUE(staging->Write("x", "content"));
    EXPECT_TRUE(sys::Exists(Path("a/b")));
  }
  EXPECT_FALSE(sys::Exists(Path("a")));
  EXPECT_TRUE(sys::Exists(dir_->path()));
}

TEST_F(StagingTest, FoldersThatWereThereStay) {
  ASSERT_TRUE(sys::MakeDirectories(Path("a")));
  {
    const auto staging = Staging::Create(Path("a/b/c"), nullptr);
    ASSERT_TRUE(staging);
  }
  EXPECT_TRUE(sys::Exists(Path("a")));
  EXPECT_FALSE(sys::Exists(Path("a/b")));
}

}  // namespace
}  // namespace inro::image
