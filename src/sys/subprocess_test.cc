#include "sys/subprocess.h"

#include <gtest/gtest.h>

namespace inro::sys {
namespace {

TEST(Subprocess, FeedsInputAndCollectsOutput) {
  RunOptions options;
  options.stdin_bytes = std::string(300'000, 'x');
  const auto output = sys::Run({"cat"}, options);
  ASSERT_TRUE(output.has_value()) << output.error().ToString();
  EXPECT_EQ(output->status, 0);
  EXPECT_EQ(output->out.size(), 300'000u);
}

TEST(Subprocess, ReportsStatusAndStandardError) {
  const auto result = RunOrFail({"sh", "-c", "echo no >&2; exit 3"});
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().ToString().find("status 3"), std::string::npos);
  EXPECT_NE(result.error().ToString().find("no"), std::string::npos);
}

TEST(Subprocess, AbsentProgramIsNotFound) {
  const auto result = sys::Run({"/nonexistent/program"});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind(), ErrorKind::kNotFound);
}

TEST(Subprocess, TimeLimitKills) {
  RunOptions options;
  options.timeout = std::chrono::milliseconds(100);
  const auto result = sys::Run({"sleep", "60"}, options);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind(), ErrorKind::kTimeout);
}

TEST(Subprocess, EnvironmentReplaces) {
  RunOptions options;
  options.environment = {"HOME=/somewhere"};
  EXPECT_EQ(RunOrFail({"sh", "-c", "printf %s \"$HOME\""}, options).value(), "/somewhere");
}

}  // namespace
}  // namespace inro::sys
