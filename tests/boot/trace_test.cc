// agent.trace in whole guests: from the kernel's start to the root span, which comes last.
#include <gmock/gmock.h>

#include <thread>

#include "compare/trace_check.h"
#include "guest_run.h"
#include "vmm/host/guest_address.h"

namespace inro::boot_test {
namespace {

using std::chrono::milliseconds;

class Trace : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  void StartTraced() { Start(DebianSpec(), GetParam(), {"agent.trace"}); }
  void ExpectReady() {
    const auto ready = run_->WaitReady();
    ASSERT_TRUE(ready) << ready.error().ToString();
  }
};

TEST_P(Trace, EverySpanComesAndTheRootLast) {
  StartTraced();
  if (HasFatalFailure() || IsSkipped()) return;
  auto check = compare::TraceCheck::Start(run_->guest());
  ASSERT_TRUE(check) << check.error().ToString();
  ASSERT_NO_FATAL_FAILURE(ExpectReady());
  ExpectHealthy();
  const auto called = (*check)->Call(run_->guest());
  ASSERT_TRUE(called) << called.error().ToString();
  ExpectPowerOff();
  const protocol::Finding finding = (*check)->Finish();
  EXPECT_TRUE(finding.yes) << finding.evidence;
  std::fprintf(stderr, "  %s\n", finding.evidence.c_str());
}

// Nobody listens until the guest has been up for a while: nothing hangs, and nothing is lost.
TEST_P(Trace, AHostThatComesLateGetsTheBootToo) {
  StartTraced();
  if (HasFatalFailure() || IsSkipped()) return;
  ASSERT_NO_FATAL_FAILURE(ExpectReady());
  ExpectHealthy();
  std::this_thread::sleep_for(milliseconds(3000));
  auto check = compare::TraceCheck::Start(run_->guest());
  ASSERT_TRUE(check) << check.error().ToString();
  const auto called = (*check)->Call(run_->guest());
  ASSERT_TRUE(called) << called.error().ToString();
  ExpectPowerOff();
  const protocol::Finding finding = (*check)->Finish();
  EXPECT_TRUE(finding.yes) << finding.evidence;
}

// No host end at all: the guest ends in order and in time.
TEST_P(Trace, WithoutAHostTheGuestEndsInTime) {
  StartTraced();
  if (HasFatalFailure() || IsSkipped()) return;
  ASSERT_NO_FATAL_FAILURE(ExpectReady());
  ExpectHealthy();
  ExpectPowerOff();
}

TEST_P(Trace, WithoutTheWordThereIsNoRole) {
  INRO_BOOT(DebianSpec(), GetParam());
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  const protocol::UnitState* unit = UnitNamed(*state, "inro-trace.service");
  EXPECT_TRUE(unit == nullptr || unit->state == "inactive");
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Boot, Trace, ::testing::Values(kInitrdInro, kImageSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

}  // namespace
}  // namespace inro::boot_test
