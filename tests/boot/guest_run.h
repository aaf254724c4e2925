// One guest of a boot test, from start to power-off.
//
// States: started -> ready (the agent answered) -> over. Whatever a case asserts, its guest also
// has to be healthy: the fixture fails on any panic, oops, failed unit, crash, storage error or
// out-of-memory line of the whole console, which it keeps in the build folder.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "guest_build.h"
#include "protocol/agent_api.h"
#include "protocol/control_message.h"
#include "protocol/message.h"
#include "vmm/guest/boot_watch.h"
#include "vmm/guest/guest.h"
#include "wire/client.h"

namespace inro::boot_test {

inline constexpr std::chrono::milliseconds kCallLimit{30'000};
inline constexpr std::chrono::milliseconds kLifeLimit{400'000};
inline constexpr std::chrono::milliseconds kReadyLimit{150'000};
inline constexpr std::chrono::milliseconds kTargetLimit{120'000};

class GuestRun {
 public:
  // `name` is that of the kept console. Adds inro.probe and `words` to the kernel command line.
  static Result<std::unique_ptr<GuestRun>> Start(vmm::MachineConfig machine, std::string name,
                                                 const std::vector<std::string>& words = {},
                                                 std::chrono::milliseconds life = kLifeLimit);

  Result<> WaitReady();
  Result<std::unique_ptr<wire::Client>> Dial(std::uint32_t port);
  // A stream to what listens only some time after the agent: tried again until it does.
  Result<UniqueFd> ConnectWhenUp(std::uint32_t port);
  // The control role's stream; it listens once kata-containers.target is reached.
  Result<std::unique_ptr<wire::Client>> DialControl();
  Result<protocol::StateResponse> State();
  Result<std::vector<protocol::Finding>> Probe();
  // Asks the agent, and waits for QEMU's end.
  Result<vmm::PowerOffWay> PowerOff();
  Result<vmm::GuestExit> WaitExit(std::chrono::milliseconds timeout);

  // All of the console so far.
  std::string Console() const;
  // vmm::BootWatch::stood_still, of that.
  bool StoodStill() const;
  // Keeps the console and fails the running case for what a healthy guest does not print. With
  // `units_may_fail` units that fail and programs that crash are no fault: the case meant it.
  void Inspect(bool units_may_fail = false);

  vmm::Guest& guest() { return *guest_; }
  double ready_ms() const { return ready_ms_; }

 private:
  explicit GuestRun(std::unique_ptr<vmm::Guest> guest, std::string name)
      : guest_(std::move(guest)), name_(std::move(name)) {}

  std::unique_ptr<vmm::Guest> guest_;
  std::string name_;
  double ready_ms_ = 0;
};

// Finds a unit or a process by name; nullptr when there is none.
const protocol::UnitState* UnitNamed(const protocol::StateResponse& state, std::string_view name);
const protocol::ProcessState* ProcessNamed(const protocol::StateResponse& state,
                                           std::string_view name);

// Fixture: BuildAndStart leaves a running guest in run_, or fails or skips the case.
class BootTest : public ::testing::Test {
 protected:
  void TearDown() override;
  // ASSERT_NO_FATAL_FAILURE and IsSkipped are the caller's.
  void Start(const GuestSpec& spec, const image::Variant& variant,
             const std::vector<std::string>& words = {});
  // The same, and waits for the agent.
  void Boot(const GuestSpec& spec, const image::Variant& variant,
            const std::vector<std::string>& words = {});
  // No failed unit, the named target reached, no process that stays a zombie.
  void ExpectHealthy(std::string_view target = "kata-containers.target");
  void ExpectFindings(const std::vector<std::string>& features);
  // The guest ends by itself, in order.
  void ExpectPowerOff();

  std::unique_ptr<GuestRun> run_;
  std::chrono::milliseconds life_limit_ = kLifeLimit;  // of the whole guest
  bool units_may_fail_ = false;                        // see GuestRun::Inspect
};

// `void` functions of tests return on failure, also of those that they call.
#define INRO_BOOT(...)                          \
  do {                                          \
    ASSERT_NO_FATAL_FAILURE(Boot(__VA_ARGS__)); \
    if (IsSkipped()) return;                    \
  } while (false)

}  // namespace inro::boot_test
