#include "image/elf/elf.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace inro::image {
namespace {

std::string ReadSelf() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(Elf, ReadsThisProgram) {
  const std::string self = ReadSelf();
  const auto facts = ReadElf(self);
  ASSERT_TRUE(facts.has_value());
  EXPECT_TRUE(facts->is_64_bit);
  EXPECT_TRUE(facts->dynamic);
  EXPECT_FALSE(facts->interpreter.empty());
  bool libc = false;
  for (const std::string& name : facts->needed) libc |= name.starts_with("libc.so");
  EXPECT_TRUE(libc);
  const auto section = FindElfSection(self, ".interp");
  ASSERT_TRUE(section.has_value());
  EXPECT_EQ(section->substr(0, section->size() - 1), facts->interpreter);
  EXPECT_FALSE(FindElfSection(self, ".absent").has_value());
}

TEST(Elf, RefusesWhatIsNone) {
  EXPECT_FALSE(ReadElf("").has_value());
  EXPECT_FALSE(ReadElf("#!/bin/sh\n").has_value());
  EXPECT_FALSE(ReadElf("\x7f"
                       "ELF")
                   .has_value());
}

TEST(Elf, SurvivesEveryTruncation) {
  const std::string self = ReadSelf().substr(0, 4096);
  for (std::size_t size = 0; size < self.size(); size += 7) {
    const std::string_view part = std::string_view(self).substr(0, size);
    (void)ReadElf(part);
    EXPECT_FALSE(FindElfSection(part, ".interp").has_value());
  }
}

}  // namespace
}  // namespace inro::image
