#include "sys/kernel_module.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string_view>

#include "sys/file.h"

namespace inro::sys {
namespace {

TEST(KernelModuleTest, AMissingFileIsSaid) {
  EXPECT_EQ(LoadKernelModule("/nonexistent/x.ko"), ENOENT);
}

// No kernel takes these, whoever asks.
TEST(KernelModuleTest, WhatIsNoModuleIsRefused) {
  const auto dir = TempDir::Create("inro-module");
  ASSERT_TRUE(dir);
  for (const std::string_view content : {std::string_view(), std::string_view("not a module")}) {
    const std::string path = dir->path() + "/x.ko";
    ASSERT_TRUE(WriteFileAtomically(path, content, 0600));
    const int err = LoadKernelModule(path);
    EXPECT_NE(err, 0);
    EXPECT_NE(err, EEXIST);
  }
}

}  // namespace
}  // namespace inro::sys
