// Boots a real kernel under QEMU. Where there is no kernel to boot, these cases are skipped:
//   INRO_TEST_KERNEL   a bzImage
//   INRO_TEST_INITRD   an initrd whose PID 1 answers Health/Check on vsock port 1024
#include <gtest/gtest.h>

#include <cstdlib>

#include "vmm/guest/boot_watch.h"
#include "vmm/guest/guest.h"
#include "vmm/guest/readiness.h"

namespace inro::vmm {
namespace {

using namespace std::chrono_literals;

class GuestBootTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* kernel = std::getenv("INRO_TEST_KERNEL");
    if (kernel == nullptr) GTEST_SKIP() << "INRO_TEST_KERNEL names no kernel";
    if (std::system("command -v qemu-system-x86_64 >/dev/null") != 0) {
      GTEST_SKIP() << "qemu-system-x86_64 is not installed";
    }
    machine_.kernel = kernel;
    machine_.memory_mib = 512;
    machine_.command_line = BaseCommandLine(true);
    options_.time_limit = 110s;
  }
  MachineConfig machine_;
  GuestOptions options_;
};

// Without an initrd and a disk the kernel panics for want of a root: the report says so.
TEST_F(GuestBootTest, PanicIsReportedWithTheConsolesLastLines) {
  auto guest = Guest::Start(machine_, options_);
  ASSERT_TRUE(guest.has_value()) << guest.error().ToString();
  BootWatch watch((*guest)->exec_time());
  const auto ready = WaitReady(**guest, watch, {.timeout = 100s});
  ASSERT_FALSE(ready.has_value());
  const std::string text = ready.error().ToString();
  EXPECT_NE(text.find("Unable to mount root fs"), std::string::npos) << text;
  EXPECT_NE(text.find("missing     init started"), std::string::npos) << text;
  ASSERT_NE(watch.fatal(), nullptr);
  EXPECT_TRUE(watch.reached(BootStep::kKernel).has_value());
}

TEST_F(GuestBootTest, UnknownOptionIsReportedWithWhatQemuSaid) {
  machine_.qemu_args = {"-no-such-option"};
  auto guest = Guest::Start(machine_, options_);
  ASSERT_TRUE(guest.has_value()) << guest.error().ToString();
  BootWatch watch((*guest)->exec_time());
  const auto ready = WaitReady(**guest, watch, {.timeout = 20s});
  ASSERT_FALSE(ready.has_value());
  EXPECT_NE(ready.error().ToString().find("-no-such-option"), std::string::npos)
      << ready.error().ToString();
}

TEST_F(GuestBootTest, AgentAnswersAndTheMonitorObeys) {
  const char* initrd = std::getenv("INRO_TEST_INITRD");
  if (initrd == nullptr) GTEST_SKIP() << "INRO_TEST_INITRD names no initrd";
  machine_.initrd = initrd;
  machine_.command_line = BaseCommandLine(false);
  auto guest = Guest::Start(machine_, options_);
  ASSERT_TRUE(guest.has_value()) << guest.error().ToString();
  BootWatch watch((*guest)->exec_time());
  const auto ready = WaitReady(**guest, watch, {.timeout = 60s});
  ASSERT_TRUE(ready.has_value()) << ready.error().ToString();
  RecordProperty("ready_ms", static_cast<int>(ready->since_exec / 1ms));
  fmt::print("ready after {} ms, {} attempts\n{}", ready->since_exec / 1ms, ready->attempts,
             watch.Explain(5));
  EXPECT_GT(ready->since_exec, 100ms);
  EXPECT_EQ(watch.missing(), std::nullopt);
  EXPECT_EQ(watch.first_serious(), nullptr);
  // The held stream serves on, and another can be made.
  EXPECT_TRUE(CheckHealth(ready->connection.get(), 3, 10s).has_value());
  const auto second = (*guest)->Connect(kAgentPort, 10s);
  ASSERT_TRUE(second.has_value()) << second.error().ToString();
  EXPECT_TRUE(CheckHealth(second->get(), 1, 10s).has_value());
  // A stopped guest does not answer; a continued one does.
  ASSERT_TRUE((*guest)->Pause().has_value());
  EXPECT_EQ(CheckHealth(second->get(), 3, 300ms).error().kind(), ErrorKind::kTimeout);
  ASSERT_TRUE((*guest)->Resume().has_value());
  const auto third = (*guest)->Connect(kAgentPort, 10s);
  ASSERT_TRUE(third.has_value()) << third.error().ToString();
  EXPECT_TRUE(CheckHealth(third->get(), 1, 10s).has_value());
  const auto way = (*guest)->PowerOff({.acpi_limit = 0ms});
  ASSERT_TRUE(way.has_value()) << way.error().ToString();
  EXPECT_EQ(*way, PowerOffWay::kQuit);
}

}  // namespace
}  // namespace inro::vmm
