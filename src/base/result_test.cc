#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace inro {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Fail("{} is odd", value);
  return value / 2;
}

Result<int> Quarter(int value) {
  INRO_ASSIGN(const int half, Half(value));
  return Half(half);
}

TEST(Result, AssignPassesValuesAndErrors) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().ToString(), "3 is odd");
}

TEST(Error, ChainNamesEveryLevelAndKeepsTheKind) {
  const Error cause = Error::InFile("image.toml", 7, "unknown key \"colour\"");
  const Error error = cause.Wrap("read the definition");
  EXPECT_EQ(error.ToString(), "read the definition: image.toml:7: unknown key \"colour\"");
  EXPECT_EQ(error.kind(), ErrorKind::kBadInput);
  EXPECT_EQ(ExitCode(error), 2);
}

TEST(Error, FromErrnoKnowsAbsentFiles) {
  const Error error = Error::FromErrno("open x", ENOENT);
  EXPECT_EQ(error.kind(), ErrorKind::kNotFound);
  EXPECT_EQ(error.sys_errno(), ENOENT);
  EXPECT_EQ(error.ToString(), "open x: No such file or directory");
  EXPECT_EQ(ExitCode(error), 1);
}

}  // namespace
}  // namespace inro
