#include "guest/init/log_level_max.h"

#include <gtest/gtest.h>

#include "protocol/log_level_link.h"
#include "sys/file.h"
#include "sys/file_source.h"

namespace inro::guest {
namespace {

TEST(LogLevelMax, IsALinkWhileItMatters) {
  const auto root = sys::TempDir::Create("inro-level");
  ASSERT_TRUE(root);
  ASSERT_TRUE(sys::MakeDirectories(root->path() + "/run/systemd"));
  const std::string link =
      protocol::LogLevelLink(root->path() + std::string(protocol::kUnitsFolder), "a@b.service");
  SetLogLevelMax("a@b.service", 4, root->path());
  EXPECT_EQ(sys::DiskFileSource().ReadLink(link), "4");
  SetLogLevelMax("a@b.service", 2, root->path());
  EXPECT_EQ(sys::DiskFileSource().ReadLink(link), "2");
  SetLogLevelMax("a@b.service", kAllLogLevels, root->path());
  EXPECT_FALSE(sys::DiskFileSource().ReadLink(link));
}

}  // namespace
}  // namespace inro::guest
