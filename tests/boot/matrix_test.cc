// The four guests of images/debian, each in one boot: what a runtime asks of the agent, what the
// control role sees, the probes, and the end.
#include <gmock/gmock.h>

#include <ctime>

#include "guest_run.h"
#include "protocol/health_message.h"
#include "protocol/network_message.h"
#include "protocol/sandbox_message.h"

namespace inro::boot_test {
namespace {

using ::testing::HasSubstr;

class Matrix : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  // The payload of an answer that must be OK; "" after a failure.
  std::string Ask(std::string_view service, std::string_view method, std::string payload = "") {
    auto answer = agent_->CallOk(service, method, std::move(payload), kCallLimit);
    EXPECT_TRUE(answer) << answer.error().ToString();
    return answer.value_or("");
  }
  std::string AskAgent(std::string_view method, std::string payload = "") {
    return Ask(protocol::kAgentService, method, std::move(payload));
  }
  template <class M>
  M Decoded(const std::string& payload) {
    M message;
    EXPECT_TRUE(protocol::Decode(payload, message)) << M::kName;
    return message;
  }

  void AskHealth();
  void CreateSandbox();
  void AskNetwork();
  void AskClockAndMemory();
  void AskTheUnknown();
  void AskAtOnce();
  void ExpectState();

  std::unique_ptr<wire::Client> agent_;
};

void Matrix::AskHealth() {
  const auto health =
      Decoded<protocol::HealthCheckResponse>(Ask(protocol::kHealthService, "Check"));
  EXPECT_EQ(health.status, protocol::ServingStatus::kServing);
  const auto version =
      Decoded<protocol::VersionCheckResponse>(Ask(protocol::kHealthService, "Version"));
  EXPECT_EQ(version.grpc_version, protocol::kApiVersion);
  EXPECT_FALSE(version.agent_version.empty());
  protocol::GuestDetailsRequest request;
  request.mem_block_size = true;
  request.mem_hotplug_probe = true;
  const auto details = Decoded<protocol::GuestDetailsResponse>(
      AskAgent("GetGuestDetails", protocol::Encode(request)));
  ASSERT_TRUE(details.agent_details);
  EXPECT_FALSE(details.agent_details->init_daemon) << "the agent is never PID 1";
  EXPECT_THAT(details.agent_details->storage_handlers, ::testing::Contains("ephemeral"));
}

// As containerd's shim for Kata sends it, without the shared folder that needs a device.
void Matrix::CreateSandbox() {
  protocol::CreateSandboxRequest request;
  request.hostname = "sandbox-host";
  request.dns = {"nameserver 10.0.2.3"};
  request.sandbox_id = "t1";
  protocol::Storage shm;
  shm.driver = "ephemeral";
  shm.source = "shm";
  shm.fstype = "tmpfs";
  shm.options = {"noexec", "nosuid", "nodev", "mode=1777", "size=67108864"};
  shm.mount_point = "/run/kata-containers/sandbox/shm";
  request.storages = {shm};
  AskAgent("CreateSandbox", protocol::Encode(request));
}

void Matrix::AskNetwork() {
  const auto interfaces = Decoded<protocol::Interfaces>(AskAgent("ListInterfaces"));
  const auto loopback = std::ranges::find(interfaces.interfaces, "lo", &protocol::Interface::name);
  ASSERT_NE(loopback, interfaces.interfaces.end());
  EXPECT_THAT(loopback->ip_addresses,
              ::testing::Contains(::testing::Field(&protocol::IPAddress::address, "127.0.0.1")));
  Decoded<protocol::Routes>(AskAgent("ListRoutes"));
}

void Matrix::AskClockAndMemory() {
  const auto metrics = Decoded<protocol::Metrics>(AskAgent("GetMetrics"));
  EXPECT_THAT(metrics.metrics, HasSubstr("kata_guest_meminfo"));
  protocol::SetGuestDateTimeRequest clock;
  clock.sec = std::time(nullptr);
  AskAgent("SetGuestDateTime", protocol::Encode(clock));
  protocol::ReseedRandomDevRequest seed;
  seed.data.assign(512, '\x5a');
  AskAgent("ReseedRandomDev", protocol::Encode(seed));
  AskAgent("OnlineCPUMem", protocol::Encode(protocol::OnlineCPUMemRequest{}));
}

void Matrix::AskTheUnknown() {
  for (const char* method : {"CreateContainer", "NoSuchMethod"}) {
    const auto answer = agent_->Call(protocol::kAgentService, method, "", kCallLimit);
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_EQ(answer->status.code, wire::Code::kUnimplemented)
        << method << ": " << answer->status.message;
  }
  const auto answer = agent_->Call("no.Service", "Check", "", kCallLimit);
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_EQ(answer->status.code, wire::Code::kUnimplemented) << answer->status.message;
}

// Many requests on one stream before the first answer is read, answered all and each in its own.
void Matrix::AskAtOnce() {
  const auto deadline = wire::Client::Clock::now() + kCallLimit;
  constexpr const char* kMethods[] = {"GetMetrics", "ListInterfaces", "GetGuestDetails"};
  std::vector<std::pair<wire::Client::Stream, std::string>> started;
  for (int i = 0; i < 60; ++i) {
    const std::string method = kMethods[i % 3];
    wire::Request request{std::string(protocol::kAgentService), method, "", 0, {}};
    const auto stream = agent_->Start(request, deadline);
    ASSERT_TRUE(stream) << stream.error().ToString();
    started.emplace_back(*stream, method);
  }
  for (const auto& [stream, method] : started) {
    const auto answer = agent_->Finish(stream, deadline);
    ASSERT_TRUE(answer) << method << ": " << answer.error().ToString();
    EXPECT_TRUE(answer->status.ok()) << method << ": " << answer->status.message;
    EXPECT_FALSE(answer->payload.empty()) << method;
  }
}

void Matrix::ExpectState() {
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_EQ(state->init, GetParam().init == "systemd" ? "systemd" : "init");
  EXPECT_THAT(state->os_release, HasSubstr("VERSION_CODENAME=bookworm"));
  EXPECT_GT(state->memory_available_kib, 100'000u);
  for (const char* name : {"kata-agent.service", "chrony.service"}) {
    const protocol::UnitState* unit = UnitNamed(*state, name);
    ASSERT_NE(unit, nullptr) << name;
    EXPECT_EQ(unit->state, "active") << name << ": " << unit->result;
  }
  const protocol::ProcessState* chronyd = ProcessNamed(*state, "chronyd");
  ASSERT_NE(chronyd, nullptr);
  EXPECT_NE(chronyd->uid, 0u) << "chronyd runs as root";
  EXPECT_EQ(chronyd->unit, "chrony.service");
}

TEST_P(Matrix, AnswersIsHealthyAndEnds) {
  INRO_BOOT(DebianSpec(), GetParam());
  auto agent = run_->Dial(protocol::kAgentPort);
  ASSERT_TRUE(agent) << agent.error().ToString();
  agent_ = std::move(*agent);
  AskHealth();
  CreateSandbox();
  AskNetwork();
  AskClockAndMemory();
  AskTheUnknown();
  AskAtOnce();
  ExpectHealthy();
  ExpectState();
  ExpectFindings({"agent", "mounts", "distro", "iptables", "chrony"});
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Debian, Matrix, ::testing::ValuesIn(AllVariants()),
                         [](const auto& variant) { return VariantName(variant.param); });

}  // namespace
}  // namespace inro::boot_test
