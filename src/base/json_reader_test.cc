#include "base/json_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace inro {
namespace {

std::vector<std::string> Members(std::string_view text, bool& whole) {
  std::vector<std::string> members;
  whole = ForEachJsonMember(text, [&](std::string_view key, const std::string& value, bool raw) {
    members.push_back(std::string(key) + (raw ? "#" : "=") + value);
  });
  return members;
}

TEST(JsonReader, MembersOfAFlatObject) {
  bool whole = false;
  EXPECT_EQ(Members(R"({"a":"x\n\"\u00e9\ud83d\ude00", "b" : -1.5e3,"c":true} )", whole),
            (std::vector<std::string>{"a=x\n\"\u00e9\U0001f600", "b#-1.5e3", "c#true"}));
  EXPECT_TRUE(whole);
  EXPECT_TRUE(Members("{ }", whole).empty());
  EXPECT_TRUE(whole);
}

TEST(JsonReader, OtherTextIsRefused) {
  for (const char* text : {"", "x", "[1]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}",
                           "{\"a\":{}}", "{\"a\":\"x}", "{\"a\":\"\\q\"}", "{\"a\":\"\\u12\"}",
                           "{\"a\":1} more", "{\"a\":\"\\ud83d\\u0041\"}"}) {
    bool whole = true;
    Members(text, whole);
    EXPECT_FALSE(whole) << text;
  }
}

}  // namespace
}  // namespace inro
