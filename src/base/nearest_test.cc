#include "base/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace inro {
namespace {

TEST(Nearest, FindsASlipOfTheFingers) {
  const std::vector<std::string> names = {"suite", "packages", "mirror", "kind"};
  EXPECT_EQ(Nearest("siute", names), "suite");
  EXPECT_EQ(Nearest("package", names), "packages");
  EXPECT_EQ(Nearest("Mirror", names), "mirror");
  EXPECT_EQ(Nearest("kin", names), "kind");
}

TEST(Nearest, DoesNotGuessWildly) {
  const std::vector<std::string> names = {"suite", "packages"};
  EXPECT_EQ(Nearest("kernel", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest(std::string(100'000, 'x'), names), "");
}

}  // namespace
}  // namespace inro
