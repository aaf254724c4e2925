#include <gtest/gtest.h>

#include "image/finish/finish.h"

namespace inro::image {
namespace {

SourceTree WithSetuidMount() {
  SourceTree source;
  EXPECT_TRUE(source.tree.Put("usr/bin/mount", MakeFile("#", 04755)).has_value());
  EXPECT_TRUE(source.tree.Put("usr/lib/x86_64-linux-gnu/libx.a", MakeFile("!<arch>")).has_value());
  return source;
}

TEST(SetIdBits, GoWhereNobodyCanUseThem) {
  SourceTree source = WithSetuidMount();
  ASSERT_TRUE(Finish(source, {}).has_value());
  EXPECT_EQ(source.tree.Find("usr/bin/mount")->mode, 0755u);
  EXPECT_FALSE(source.tree.Contains("usr/lib/x86_64-linux-gnu/libx.a"));
}

TEST(SetIdBits, StayWhereTheDefinitionHasUsersOrKeepsAll) {
  FinishOptions options;
  options.users.push_back({.name = "alice"});
  SourceTree source = WithSetuidMount();
  const auto report = Finish(source, options);
  ASSERT_TRUE(report.has_value()) << report.error().ToString();
  EXPECT_EQ(source.tree.Find("usr/bin/mount")->mode, 04755u);

  FinishOptions whole;
  whole.prune = false;
  SourceTree kept = WithSetuidMount();
  ASSERT_TRUE(Finish(kept, whole).has_value());
  EXPECT_EQ(kept.tree.Find("usr/bin/mount")->mode, 04755u);
}

}  // namespace
}  // namespace inro::image
