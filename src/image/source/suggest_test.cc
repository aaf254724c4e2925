#include "image/source/suggest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace inro::image {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kNames = {
    "chrony", "bash", "dash", "linux-image-cloud-amd64", "systemd", "systemd-sysv"};

TEST(Suggest, NearestComesFirst) {
  EXPECT_THAT(CloseMatches("crony", kNames), ElementsAre("chrony"));
  EXPECT_THAT(CloseMatches("systemd-sys", kNames), ElementsAre("systemd-sysv"));
  EXPECT_THAT(CloseMatches("bash2", kNames), ElementsAre("bash"));
}

TEST(Suggest, NamesThatContainTheWordCount) {
  EXPECT_THAT(CloseMatches("image-cloud", kNames), ElementsAre("linux-image-cloud-amd64"));
}

TEST(Suggest, NothingIsCloseToAWordOfItsOwn) {
  EXPECT_THAT(CloseMatches("zzzzzz", kNames), IsEmpty());
  EXPECT_EQ(DidYouMean("zzzzzz", kNames), "");
}

TEST(Suggest, ReadsAsAQuestion) {
  EXPECT_EQ(DidYouMean("cash", kNames), "; did you mean bash or dash?");
}

}  // namespace
}  // namespace inro::image
