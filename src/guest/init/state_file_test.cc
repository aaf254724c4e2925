#include "guest/init/state_file.h"

#include <gmock/gmock.h>

#include "guest/init/supervisor_fixture.h"
#include "sys/file.h"

namespace inro::guest {
namespace {

using testing::HasSubstr;

// As on a full /run: it cannot be written for a while.
TEST_F(SupervisorTest, AStateFileThatCannotBeWrittenIsTriedAgainAndSaid) {
  const auto folder = sys::TempDir::Create("inro-state");
  ASSERT_TRUE(folder);
  const std::string path = folder->path() + "/late/units.tsv";
  std::vector<std::string> said;
  StateFile state(path, [&](std::string text) { said.push_back(std::move(text)); });
  Add("a.service", "", "ExecStart=/bin/a");
  Start("a.service");

  state.Update(supervisor, now);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], HasSubstr(path));
  // No change of a unit is needed, and it is no news the second time.
  EXPECT_EQ(state.NextDeadline(supervisor), now + StateFile::kRetryInterval);
  now = state.NextDeadline(supervisor);
  state.Update(supervisor, now);
  EXPECT_EQ(said.size(), 1u);

  ASSERT_TRUE(sys::MakeDirectories(folder->path() + "/late"));
  now = state.NextDeadline(supervisor);
  state.Update(supervisor, now);
  EXPECT_THAT(sys::ReadFile(path).value_or(""), HasSubstr("a.service"));
  EXPECT_FALSE(sys::Exists(path + ".new"));
  ASSERT_EQ(said.size(), 2u);
  EXPECT_THAT(said[1], HasSubstr("written again"));
  EXPECT_EQ(state.NextDeadline(supervisor), kNever);
}

}  // namespace
}  // namespace inro::guest
