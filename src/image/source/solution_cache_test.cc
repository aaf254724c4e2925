#include "image/source/solution_cache.h"

#include <gtest/gtest.h>

#include "sys/file.h"

namespace inro::image {
namespace {

TEST(SolutionCache, GivesBackWhatWasStored) {
  const sys::TempDir folder = *sys::TempDir::Create("solutions");
  const SolutionCache cache(folder.path() + "/deeper");
  const std::vector<Package> packages = {
      {"a",
       "1:2-3~x",
       "amd64",
       std::string(64, 'f'),
       12345,
       99 << 10,
       {"b", "c"},
       "http://m/a.deb"},
      {"b", "1", "all", std::string(64, '0'), 1, 2, {}, "http://m/b.deb"}};
  const std::string key = SolutionCache::Key("lists", {"a"}, {});
  EXPECT_FALSE(cache.Load(key));
  ASSERT_TRUE(cache.Store(key, packages));
  const auto loaded = cache.Load(key);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, packages);
}

TEST(SolutionCache, KeyKnowsListsWishesAndExclusions) {
  const std::string key = SolutionCache::Key("lists", {"a", "b"}, {"c"});
  EXPECT_EQ(key, SolutionCache::Key("lists", {"b", "a"}, {"c"}));
  EXPECT_NE(key, SolutionCache::Key("other", {"a", "b"}, {"c"}));
  EXPECT_NE(key, SolutionCache::Key("lists", {"a", "b", "c"}, {}));
  EXPECT_NE(key, SolutionCache::Key("lists", {"a"}, {"b", "c"}));
}

TEST(SolutionCache, DamagedFilesMiss) {
  const sys::TempDir folder = *sys::TempDir::Create("solutions");
  const SolutionCache cache(folder.path());
  const std::string key = SolutionCache::Key("lists", {"a"}, {});
  for (const char* text : {"", "{", "[]", "{\"packages\": 3}", "{\"packages\": [{\"name\": 3}]}"}) {
    ASSERT_TRUE(sys::WriteFile(folder.path() + "/" + key + ".json", text));
    EXPECT_FALSE(cache.Load(key)) << text;
  }
}

}  // namespace
}  // namespace inro::image
