#include "base/json_string.h"

#include <gtest/gtest.h>

namespace inro {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

TEST(JsonString, EscapesWhatMustBe) {
  EXPECT_EQ(Quoted("a\"b\\c\nd\te\x01"), "\"a\\\"b\\\\c\\nd\\te\\u0001\"");
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted(std::string_view("\0", 1)), "\"\\u0000\"");
}

TEST(JsonString, KeepsUtf8AndReplacesTheRest) {
  EXPECT_EQ(Quoted("\xe5\x8d\xb0\xe7\xb1\xa0"), "\"\xe5\x8d\xb0\xe7\xb1\xa0\"");
  EXPECT_EQ(Quoted("a\xff"), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(Quoted("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");  // overlong
  EXPECT_EQ(Quoted("\xe5\x8d"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");  // cut off
}

}  // namespace
}  // namespace inro
