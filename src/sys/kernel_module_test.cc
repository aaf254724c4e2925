#include "sys/kernel_module.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string_view>

#include "sys/file.h"

namespace inro::sys {
namespace {

TEST(KernelModuleTest, OnlyTheMarkerAtTheEndAnnouncesASignature) {
  const std::string_view marker = "~Module signature appended~\n";
  const std::string plain =
      "\x7f"
      "ELF and the rest";
  EXPECT_EQ(UnsignedModuleLength(plain), plain.size());
  const std::string with_signature = plain + "signature" + std::string(marker);
  EXPECT_EQ(UnsignedModuleLength(with_signature), with_signature.size() - marker.size());
  EXPECT_EQ(UnsignedModuleLength(std::string(marker) + "x"), marker.size() + 1);
  EXPECT_EQ(UnsignedModuleLength(marker), 0u);
  EXPECT_EQ(UnsignedModuleLength(marker.substr(1)), marker.size() - 1);
  EXPECT_EQ(UnsignedModuleLength(std::string_view()), 0u);
}

TEST(KernelModuleTest, AMissingFileIsSaid) {
  EXPECT_EQ(LoadKernelModule("/nonexistent/x.ko"), ENOENT);
}

// No kernel takes these, whoever asks: the second way's errno is the one that comes back.
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
