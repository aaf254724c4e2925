#include "compare/tree_measure.h"

#include <gtest/gtest.h>

#include "sys/file.h"

namespace inro::compare {
namespace {

TEST(CountTree, CountsProgramsAndSetuid) {
  image::Tree tree;
  const auto self = sys::ReadFile("/proc/self/exe");
  ASSERT_TRUE(self.has_value());
  ASSERT_TRUE(tree.Put("usr/bin/program", image::MakeFile(*self, 0755)).has_value());
  ASSERT_TRUE(tree.Put("usr/bin/data", image::MakeFile(*self, 0644)).has_value());
  ASSERT_TRUE(tree.Put("usr/bin/script", image::MakeFile("#!/bin/sh\n", 04755)).has_value());
  ASSERT_TRUE(tree.Put("usr/bin/link", image::MakeSymlink("script")).has_value());
  const TreeCounts counts = CountTree(tree);
  EXPECT_EQ(counts.files, 3u);
  EXPECT_EQ(counts.elf_programs, 1u);
  EXPECT_EQ(counts.setuid_files, 1u);
  EXPECT_EQ(counts.unpacked_bytes, 2 * self->size() + 10);
}

}  // namespace
}  // namespace inro::compare
