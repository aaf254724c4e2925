// The agent as a process, over a Unix socket, as an ordinary user runs it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "guest/agent/agent_role.h"
#include "protocol/agent_api.h"
#include "protocol/health_message.h"
#include "protocol/message.h"
#include "protocol/metrics_text.h"
#include "protocol/network_message.h"
#include "protocol/sandbox_message.h"
#include "sys/file.h"
#include "wire/client.h"

namespace inro::guest::agent {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

class AgentProcess : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::make_unique<sys::TempDir>(sys::TempDir::Create("inro-agent").value());
    socket_ = "unix://" + folder_->path() + "/agent.sock";
    log_path_ = folder_->path() + "/log";
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      const int out = ::open(log_path_.c_str(), O_CREAT | O_WRONLY, 0600);
      ::dup2(out, STDOUT_FILENO);
      ::setenv("KATA_AGENT_SERVER_ADDR", socket_.c_str(), 1);
      char name[] = "agent";
      char* argv[] = {name, nullptr};
      ::_exit(RunAgent(1, argv));
    }
    for (int i = 0; i < 6'000 && !client_; ++i) {
      auto client = wire::Client::Connect(wire::ParseAddress(socket_).value(), 60s);
      if (client) client_ = std::move(*client);
      if (!client) std::this_thread::sleep_for(10ms);
    }
    ASSERT_NE(client_, nullptr);
  }

  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  // The exit status, once the process has ended by itself.
  int WaitForEnd() {
    int status = -1;
    for (int i = 0; i < 6'000; ++i) {
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      std::this_thread::sleep_for(10ms);
    }
    return -1;
  }

  Result<std::string> Agent(std::string_view method, std::string payload = {}) {
    return client_->CallOk(protocol::kAgentService, method, std::move(payload), 60s);
  }
  wire::Code AgentCode(std::string_view method, std::string payload = {}) {
    const auto response = client_->Call(protocol::kAgentService, method, std::move(payload), 60s);
    return response ? response->status.code : wire::Code::kUnavailable;
  }

  std::unique_ptr<sys::TempDir> folder_;
  std::string socket_;
  std::string log_path_;
  pid_t pid_ = 0;
  std::unique_ptr<wire::Client> client_;
};

TEST_F(AgentProcess, ChecksAndVersions) {
  const auto check = client_->CallOk(protocol::kHealthService, "Check", "", 60s);
  ASSERT_TRUE(check) << check.error().ToString();
  EXPECT_EQ(*check, protocol::kServingBytes);
  protocol::VersionCheckResponse version;
  ASSERT_TRUE(protocol::Decode(
      client_->CallOk(protocol::kHealthService, "Version", "", 60s).value(), version));
  EXPECT_EQ(version.grpc_version, "0.0.1");
  EXPECT_EQ(version.agent_version, INRO_VERSION);
}

TEST_F(AgentProcess, GivesDetailsOfTheGuest) {
  protocol::GuestDetailsResponse details;
  ASSERT_TRUE(protocol::Decode(
      Agent("GetGuestDetails", protocol::Encode(protocol::GuestDetailsRequest{true, true})).value(),
      details));
  ASSERT_TRUE(details.agent_details);
  EXPECT_EQ(details.agent_details->version, INRO_VERSION);
  EXPECT_FALSE(details.agent_details->init_daemon);
  EXPECT_THAT(details.agent_details->storage_handlers, Contains("virtio-fs"));
  EXPECT_THAT(details.agent_details->storage_handlers, Contains("ephemeral"));
}

TEST_F(AgentProcess, MetricsHoldAllFamilies) {
  protocol::Metrics metrics;
  ASSERT_TRUE(protocol::Decode(Agent("GetMetrics").value(), metrics));
  for (const char* family : {"kata_agent_threads", "kata_agent_total_time", "kata_agent_total_vm",
                             "kata_agent_total_rss", "kata_agent_proc_status", "kata_agent_io_stat",
                             "kata_agent_proc_stat", "kata_agent_scrape_count 1", "kata_guest_load",
                             "kata_guest_tasks", "kata_guest_cpu_time", "kata_guest_vm_stat",
                             "kata_guest_netdev_stat", "kata_guest_diskstat", "kata_guest_meminfo",
                             "kata_guest_filesystem_bytes", "kata_guest_filesystem_inodes"}) {
    EXPECT_THAT(metrics.metrics, HasSubstr(std::string("\n") + family)) << family;
  }
  EXPECT_GT(protocol::MeminfoKib(metrics.metrics, "mem_available"), 1000u);
}

TEST_F(AgentProcess, ListsTheLoopbackInterface) {
  protocol::Interfaces interfaces;
  ASSERT_TRUE(protocol::Decode(Agent("ListInterfaces").value(), interfaces));
  const auto lo = std::ranges::find(interfaces.interfaces, "lo", &protocol::Interface::name);
  ASSERT_NE(lo, interfaces.interfaces.end());
  EXPECT_EQ(lo->hw_addr, "00:00:00:00:00:00");
  protocol::Routes routes;
  EXPECT_TRUE(protocol::Decode(Agent("ListRoutes").value(), routes));
}

TEST_F(AgentProcess, BadRequestsAreInvalidArguments) {
  EXPECT_EQ(AgentCode("ReseedRandomDev"), wire::Code::kInvalidArgument);
  EXPECT_EQ(AgentCode("SetGuestDateTime",
                      protocol::Encode(protocol::SetGuestDateTimeRequest{.sec = 1, .usec = -1})),
            wire::Code::kInvalidArgument);
  EXPECT_EQ(AgentCode("UpdateInterface"), wire::Code::kInvalidArgument);
  EXPECT_EQ(AgentCode("UpdateRoutes", "\xff"), wire::Code::kInvalidArgument);
  EXPECT_EQ(AgentCode("CreateSandbox",
                      protocol::Encode(protocol::CreateSandboxRequest{.sandbox_id = "../etc"})),
            wire::Code::kInvalidArgument);
}

// Every method of the API is answered: those of later are unimplemented.
TEST_F(AgentProcess, TheRestOfTheApiIsUnimplemented) {
  for (const char* method : {"CreateContainer", "StartContainer", "WaitProcess", "ReadStdout",
                             "GetOOMEvent", "CopyFile", "SetPolicy", "NoSuchMethod"}) {
    EXPECT_EQ(AgentCode(method), wire::Code::kUnimplemented) << method;
  }
}

TEST_F(AgentProcess, ServesManyClientsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      auto client = wire::Client::Connect(wire::ParseAddress(socket_).value(), 60s);
      for (int i = 0; client && i < 50; ++i) {
        good += (*client)->CallOk(protocol::kHealthService, "Check", "", 60s).has_value();
        good += (*client)->CallOk(protocol::kAgentService, "ListRoutes", "", 60s).has_value();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 800);
}

TEST_F(AgentProcess, DestroySandboxIsAnsweredAndEndsTheProcess) {
  ASSERT_TRUE(Agent("DestroySandbox"));
  EXPECT_EQ(WaitForEnd(), 0);
}

TEST_F(AgentProcess, SigtermEndsItInOrder) {
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(WaitForEnd(), 0);
  const std::string log = sys::ReadFile(log_path_).value();
  EXPECT_THAT(log, HasSubstr("\"msg\":\"listening\",\"level\":\"INFO\",\"ts\":\"20"));
  EXPECT_THAT(log, HasSubstr("asked to end"));
}

TEST(AgentRole, AnAddressThatCannotBeReadEndsItWithOne) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::dup2(STDOUT_FILENO, STDERR_FILENO);
    ::setenv("KATA_AGENT_SERVER_ADDR", "tcp://nowhere", 1);
    char name[] = "agent";
    char* argv[] = {name, nullptr};
    ::_exit(RunAgent(1, argv));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
}  // namespace inro::guest::agent
