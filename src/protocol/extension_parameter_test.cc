#include "protocol/extension_parameter.h"

#include <gtest/gtest.h>

namespace inro::protocol {
namespace {

const std::string kHash(64, 'a');

TEST(ExtensionWords, TakesValuesAndBareWords) {
  std::vector<std::string> bad;
  const auto words = ExtensionWords(
      "quiet kata.extension.coco.verity_params=root_hash=1,salt=2 "
      "kata.extension.a-b_C.verity_params"
      " kata.extension.a/b.verity_params kata.extension..verity_params=x\n"
      "kata.extension.verity_params kata.extension.coco.verity_params=last",
      &bad);
  EXPECT_EQ(words, (std::vector<ExtensionWord>{{"coco", "last"}, {"a-b_C", ""}}));
  EXPECT_EQ(bad, (std::vector<std::string>{"kata.extension.a/b.verity_params",
                                           "kata.extension..verity_params=x"}));
}

TEST(VerityParameters, ReadsWhatKatasBuilderWrites) {
  const auto read = ParseVerityParameters("root_hash=" + std::string(64, 'F') +
                                          ",salt=00ff,data_blocks=123,data_block_size=4096,"
                                          "hash_block_size=1024");
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->root_hash, std::string(64, 'f'));
  EXPECT_EQ(read->salt, "00ff");
  EXPECT_EQ(read->data_blocks, 123u);
  EXPECT_EQ(read->hash_block_size, 1024u);
  EXPECT_EQ(ParseVerityParameters(ToString(*read)), *read);
}

TEST(VerityParameters, OrderSaltAndSizesAreOptional) {
  const auto read = ParseVerityParameters("later=1,data_blocks=1,salt=,root_hash=" + kHash);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->salt, "");
  EXPECT_EQ(read->data_block_size, 4096u);
}

TEST(VerityParameters, WhatIsWrongIsSaid) {
  const std::string good = "root_hash=" + kHash + ",data_blocks=8";
  const std::pair<std::string, std::string> cases[] = {
      {"", "root_hash is missing"},
      {"root_hash=" + kHash, "data_blocks is missing"},
      {"root_hash=abc,data_blocks=1", "64 digits"},
      {"root_hash=" + std::string(64, 'g') + ",data_blocks=1", "not hexadecimal"},
      {good + ",salt=abc", "even number"},
      {good + ",salt=" + std::string(514, '0'), "at most 512"},
      {good + ",data_blocks=9", "data_blocks is given twice"},
      {"root_hash=" + kHash + ",data_blocks=0", "out of range"},
      {"root_hash=" + kHash + ",data_blocks=18446744073709551616", "not a number"},
      {good + ",data_block_size=3000", "power of two"},
      {good + ",hash_block_size=65536", "power of two"},
      {good + ",salt", "has no value"},
  };
  for (const auto& [text, message] : cases) {
    const auto read = ParseVerityParameters(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().ToString().find(message), std::string::npos)
        << text << ": " << read.error().ToString();
  }
}

}  // namespace
}  // namespace inro::protocol
