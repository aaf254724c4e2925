#include "image/source/dpkg_status.h"

#include <gtest/gtest.h>

namespace inro::image {
namespace {

TEST(DpkgStatus, InstalledPackagesOnly) {
  const auto packages = ParseDpkgStatus(
      "Package: zlib1g\nStatus: install ok installed\nInstalled-Size: 168\nArchitecture: amd64\n"
      "Version: 1:1.2.13\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
      "Package: half\nStatus: install ok half-installed\n\n"
      "Status: install ok installed\n\n"
      "Package: bash\nStatus: hold ok installed\nVersion: 5\nArchitecture: amd64\n");
  ASSERT_EQ(packages.size(), 2u);
  EXPECT_EQ(packages[0].name, "bash");
  EXPECT_EQ(packages[1].name, "zlib1g");
  EXPECT_EQ(packages[1].version, "1:1.2.13");
  EXPECT_EQ(packages[1].installed_size, 168u * 1024);
}

TEST(DpkgStatus, TreeOfAnotherDistributionHasNone) {
  EXPECT_TRUE(InstalledPackages(Tree()).empty());
}

}  // namespace
}  // namespace inro::image
