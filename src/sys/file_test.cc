#include "sys/file.h"

#include <gtest/gtest.h>

namespace inro::sys {
namespace {

TEST(File, WritesAndReadsBack) {
  auto dir = TempDir::Create("inro-test");
  ASSERT_TRUE(dir.has_value()) << dir.error().ToString();
  const std::string path = dir->path() + "/a/b";
  ASSERT_TRUE(MakeDirectories(dir->path() + "/a").has_value());
  ASSERT_TRUE(WriteFileAtomically(path, "hello").has_value());
  EXPECT_EQ(ReadFile(path).value(), "hello");
  EXPECT_FALSE(ReadFile(path, 4).has_value());
}

TEST(File, ReadsFilesOfUnknownSize) { EXPECT_FALSE(ReadFile("/proc/self/status").value().empty()); }

TEST(File, ErrorsNameThePath) {
  const auto result = ReadFile("/nonexistent/x");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(result.error().ToString().find("/nonexistent/x"), std::string::npos);
}

TEST(TempDir, RemovesItsTree) {
  std::string path;
  {
    auto dir = TempDir::Create("inro-test");
    path = dir->path();
    ASSERT_TRUE(WriteFile(path + "/x", "x").has_value());
  }
  EXPECT_FALSE(Exists(path));
}

}  // namespace
}  // namespace inro::sys
