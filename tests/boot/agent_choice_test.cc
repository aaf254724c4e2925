// The agent by a line of the definition: the user's own program, with and without its unit file,
// and Kata's.
#include <gmock/gmock.h>

#include <cstdlib>

#include "guest_run.h"
#include "sys/file.h"

namespace inro::boot_test {
namespace {

using ::testing::HasSubstr;

constexpr char kUnit[] = R"([Unit]
Description=An agent of the user
DefaultDependencies=no
Wants=kata-containers.target
Before=kata-containers.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=notify
ExecStartPre=/bin/sh -c 'echo "own unit of the agent" >/dev/console'
ExecStart=/usr/bin/kata-agent
OOMScoreAdjust=-997
LimitNOFILE=1048576
[Install]
WantedBy=kata-containers.target
)";

class AgentChoice : public BootTest {
 protected:
  // images/debian with the agent at `binary`.
  GuestSpec SpecOf(const std::string& name, const std::string& binary, const std::string& more) {
    return DebianWith(name, "",
                      fmt::format("[agent]\nkind = \"binary\"\nbinary = \"{}\"\n{}", binary, more),
                      {kInitrdInro});
  }
};

// A program that is a Kata agent when it is called so: inro-guest, as a file of the user's. What
// runs in the guest is a copy of it, not the link that inro's own agent has.
Result<std::string> OwnAgent(const std::string& name) {
  const std::string folder = INRO_BINARY_DIR "/boot-tests/" + name;
  INRO_TRY(sys::MakeDirectories(folder));
  INRO_ASSIGN(const std::string bytes, sys::ReadFile(INRO_BINARY_DIR "/inro-guest"));
  INRO_TRY(sys::WriteFileAtomically(folder + "/kata-agent", bytes, 0755));
  INRO_TRY(sys::WriteFile(folder + "/own.service", kUnit));
  return folder;
}

TEST_F(AgentChoice, AProgramOfTheUsersBecomesTheAgent) {
  const auto folder = OwnAgent("own-agent");
  ASSERT_TRUE(folder) << folder.error().ToString();
  INRO_BOOT(SpecOf("own-agent", *folder + "/kata-agent", ""), kInitrdInro);
  ExpectHealthy();
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  const protocol::UnitState* agent = UnitNamed(*state, "kata-agent.service");
  ASSERT_NE(agent, nullptr);
  EXPECT_EQ(agent->state, "active");
  EXPECT_NE(ProcessNamed(*state, "kata-agent"), nullptr);
  ExpectFindings({"agent", "mounts", "distro"});
  ExpectPowerOff();
}

TEST_F(AgentChoice, WithAUnitFileOfTheUsers) {
  const auto folder = OwnAgent("own-agent-unit");
  ASSERT_TRUE(folder) << folder.error().ToString();
  const std::string unit = fmt::format("unit = \"{}/own.service\"\n", *folder);
  INRO_BOOT(SpecOf("own-agent-unit", *folder + "/kata-agent", unit), kInitrdInro);
  ExpectHealthy();
  EXPECT_THAT(run_->Console(), HasSubstr("own unit of the agent"));
  ExpectFindings({"agent", "mounts", "distro"});
  ExpectPowerOff();
}

// Kata's agent is not built here: INRO_KATA_AGENT names one (static, for x86_64).
TEST_F(AgentChoice, KatasBecomesTheAgent) {
  const char* binary = std::getenv("INRO_KATA_AGENT");
  if (binary == nullptr || *binary == '\0') {
    GTEST_SKIP() << "INRO_KATA_AGENT does not name Kata's agent";
  }
  ASSERT_TRUE(sys::Exists(binary)) << binary;
  INRO_BOOT(SpecOf("kata-agent", binary, ""), kInitrdInro);
  ExpectHealthy();
  ExpectFindings({"agent", "mounts", "distro"});
}

}  // namespace
}  // namespace inro::boot_test
