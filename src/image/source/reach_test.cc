#include "image/source/reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace inro::image {
namespace {

using testing::ElementsAre;

std::vector<Package> Graph() {
  const auto package = [](std::string name, std::vector<std::string> depends) {
    Package made;
    made.name = std::move(name);
    made.depends = std::move(depends);
    return made;
  };
  return {
      package("a", {"b", "c"}), package("b", {"d"}), package("c", {"d", "e"}),
      package("d", {"a"}),      package("e", {}),    package("unreached", {"a"}),
  };
}

std::vector<std::string> Names(const std::vector<Package>& packages) {
  std::vector<std::string> names;
  for (const Package& package : packages) names.push_back(package.name);
  return names;
}

TEST(Reach, FollowsDependenciesAndStopsAtCycles) {
  EXPECT_THAT(Names(Reach(Graph(), {"a"}, {})), ElementsAre("a", "b", "c", "d", "e"));
}

TEST(Reach, DoesNotPassThroughWhatIsExcluded) {
  EXPECT_THAT(Names(Reach(Graph(), {"a"}, {"c"})), ElementsAre("a", "b", "d"));
}

TEST(Reach, TakesWhatAnotherWayLeadsTo) {
  EXPECT_THAT(Names(Reach(Graph(), {"a"}, {"b"})), ElementsAre("a", "c", "d", "e"));
  EXPECT_THAT(Names(Reach(Graph(), {"b", "e"}, {"d"})), ElementsAre("b", "e"));
}

TEST(Reach, PassesOverUnknownNames) {
  EXPECT_THAT(Names(Reach(Graph(), {"e", "nobody"}, {"nothing"})), ElementsAre("e"));
}

}  // namespace
}  // namespace inro::image
