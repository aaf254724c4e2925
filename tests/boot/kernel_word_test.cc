// What both inits owe to systemd's public contract: kernel parameters that choose units, and the
// signal that powers off.
#include <gmock/gmock.h>

#include "guest_run.h"

namespace inro::boot_test {
namespace {

using ::testing::HasSubstr;

// images/debian with a target of its own, and a service that sends SIGRTMIN+4 to process 1 when the
// kernel command line asks for it.
GuestSpec WordSpec() {
  GuestSpec spec = DebianWith("words", "",
                              "[[files]]\n"
                              "path = \"/usr/lib/systemd/system/own.target\"\n"
                              "content = '''\n"
                              "[Unit]\n"
                              "Description=The agent and the control role, nothing else\n"
                              "Wants=kata-agent.service inro-control.service\n"
                              "'''\n"
                              "[[files]]\n"
                              "path = \"/usr/lib/systemd/system/signal-init.service\"\n"
                              "content = '''\n"
                              "[Unit]\n"
                              "Description=Asks process 1 to power off\n"
                              "After=kata-agent.service chrony.service\n"
                              "ConditionKernelCommandLine=test.signal\n"
                              "[Service]\n"
                              "ExecStart=/bin/sh -c 'kill -38 1'\n"
                              "[Install]\n"
                              "WantedBy=kata-containers.target\n"
                              "'''\n",
                              {kInitrdInro, kImageSystemd});
  const std::string list = "enable = [\"chrony.service\"";
  const auto at = spec.text.find(list);
  if (at != std::string::npos) spec.text.insert(at + list.size(), ", \"signal-init.service\"");
  return spec;
}

class KernelWord : public BootTest, public ::testing::WithParamInterface<image::Variant> {};

TEST_P(KernelWord, MaskedUnitDoesNotRun) {
  INRO_BOOT(DebianSpec(), GetParam(), {"systemd.mask=chrony.service"});
  ExpectHealthy();
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_EQ(ProcessNamed(*state, "chronyd"), nullptr);
  const protocol::UnitState* unit = UnitNamed(*state, "chrony.service");
  EXPECT_TRUE(unit == nullptr || unit->state == "inactive") << unit->state;
  ExpectPowerOff();
}

TEST_P(KernelWord, ChosenTargetIsReachedAlone) {
  INRO_BOOT(WordSpec(), GetParam(), {"systemd.unit=own.target"});
  ExpectHealthy("own.target");
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_EQ(ProcessNamed(*state, "chronyd"), nullptr);
  const protocol::UnitState* target = UnitNamed(*state, "kata-containers.target");
  EXPECT_TRUE(target == nullptr || target->state == "inactive") << target->state;
  ExpectPowerOff();
}

// SIGRTMIN+4 (38 on Linux with glibc) to process 1 is systemd's "power off".
TEST_P(KernelWord, SignalToProcessOnePowersOff) {
  Start(WordSpec(), GetParam(), {"test.signal"});
  if (HasFatalFailure() || IsSkipped()) return;
  const auto exit = run_->WaitExit(kReadyLimit);
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->reason, vmm::GuestExit::Reason::kGuest) << exit->ToString();
  EXPECT_EQ(exit->status, 0) << exit->ToString();
  EXPECT_THAT(run_->Console(), HasSubstr("Power down"));
}

INSTANTIATE_TEST_SUITE_P(Boot, KernelWord, ::testing::Values(kInitrdInro, kImageSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

}  // namespace
}  // namespace inro::boot_test
