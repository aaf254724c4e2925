// `inro host`: the host's end of a sandbox that something else started. Here that is QEMU and
// `inro vsock` by their own command lines, as another VMM's supervisor would run them.
#include <gmock/gmock.h>
#include <signal.h>

#include <set>

#include "inro_program.h"
#include "protocol/agent_api.h"
#include "protocol/trace_message.h"
#include "vmm/host/guest_address.h"
#include "vmm/host/trace_json.h"
#include "wire/client.h"

namespace inro::boot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr char kProgram[] = INRO_BINARY_DIR "/inro";

class ForeignSandbox : public InroProgram {
 protected:
  std::string hybrid() const { return folder() + "/sandbox.sock"; }
  std::string Log(const std::string& name) const {
    return sys::ReadFile(folder() + "/" + name).value_or("");
  }
  Result<Beside> RunHost() {
    return Beside::Start({kProgram, "host", "--socket", hybrid(), "--traces", folder() + "/traces"},
                         Environment(), folder() + "/host.log");
  }
  // The names of the spans that came.
  std::set<std::string> Spans() const {
    std::set<std::string> names;
    const std::string text = Log("traces");
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const auto request = vmm::ParseTraceJson(text.substr(begin, end - begin));
      EXPECT_TRUE(request) << request.error().ToString();
      if (!request) continue;
      for (const auto& group : request->resource_spans) {
        for (const auto& scope : group.scope_spans) {
          for (const auto& span : scope.spans) names.insert(span.name);
        }
      }
    }
    return names;
  }
  Result<> CallAgent(std::string_view service, std::string_view method) const {
    INRO_ASSIGN(const vmm::GuestAddress guest, vmm::FindGuest(hybrid()));
    INRO_ASSIGN(UniqueFd socket, vmm::ConnectGuest(guest, protocol::kAgentPort, 30s));
    wire::Client agent(std::move(socket));
    INRO_TRY(agent.CallOk(service, method, "", 30s));
    return {};
  }
};

TEST_F(ForeignSandbox, GetsTimeAndGivesTraces) {
  const auto build = BuildOnce(DebianSpec());
  if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
  ASSERT_TRUE(build) << build.error().ToString();
  const auto artifact = build->Path(kInitrdInro);
  ASSERT_TRUE(artifact);
  nlohmann::json document =
      Json({"boot", *artifact, "--name", "foreign", "--append", "agent.trace", "--print-command"});
  ASSERT_TRUE(document.is_object());
  // The same machine in this folder, and a day wrong.
  std::vector<std::string> qemu = {"timeout", "300"};
  const std::string own = run_folder("foreign");
  for (std::string word : document.at("command")) {
    for (std::size_t at; (at = word.find(own)) != std::string::npos;) {
      word.replace(at, own.size(), folder());
    }
    qemu.push_back(word);
  }
  qemu.insert(qemu.end(), {"-rtc", "base=2001-01-01T00:00:00"});

  auto device = Beside::Start({"timeout", "300", kProgram, "vsock", "--vhost-socket",
                               folder() + "/vhost.sock", "--hybrid-socket", hybrid()},
                              Environment(), folder() + "/device.log");
  ASSERT_TRUE(device) << device.error().ToString();
  ASSERT_TRUE(Eventually([&] { return sys::Exists(folder() + "/vhost.sock"); }))
      << Log("device.log");
  auto machine = Beside::Start(qemu, Environment(), folder() + "/qemu.log");
  ASSERT_TRUE(machine) << machine.error().ToString();
  ASSERT_TRUE(Eventually([&] { return sys::Exists(hybrid()); })) << Log("device.log");
  auto host = RunHost();
  ASSERT_TRUE(host) << host.error().ToString();

  ASSERT_TRUE(
      Eventually([&] { return CallAgent(protocol::kHealthService, "Check").has_value(); }, 150s))
      << Log("console.log") << Log("qemu.log");
  nlohmann::json time;
  EXPECT_TRUE(Eventually([&] {
    time = Json({"time", hybrid()});
    return time.is_object() && time.value("state", "") == "synchronised";
  })) << time;
  ASSERT_TRUE(time.is_object());
  EXPECT_GE(time.value("steps", 0), 1) << time;
  EXPECT_EQ(time.value("reference", ""), "host") << time;
  EXPECT_TRUE(Eventually([&] { return Spans().contains("start kata-agent.service"); }))
      << Log("traces") << Log("host.log");

  // Two hosts for one sandbox do not share it: the second says who is in its way.
  const sys::RunOutput second = Inro({"host", "--socket", hybrid()});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.err, HasSubstr("another process serves this port"));

  // It goes away by Ctrl-C, and what takes its place gets what happened meanwhile.
  host->Signal(SIGINT);
  const auto ended = host->Wait();
  ASSERT_TRUE(ended) << ended.error().ToString();
  EXPECT_EQ(*ended, 130);
  EXPECT_FALSE(sys::Exists(hybrid() + "_10123"));
  EXPECT_THAT(Log("host.log"), HasSubstr("told the time "));
  EXPECT_TRUE(CallAgent(protocol::kAgentService, "GetGuestDetails"));
  auto next = RunHost();
  ASSERT_TRUE(next) << next.error().ToString();
  EXPECT_TRUE(Eventually([&] { return Spans().contains("grpc.AgentService/GetGuestDetails"); }))
      << Log("traces");

  // The sandbox's end: its last span arrives, and with its socket `inro host` ends too.
  EXPECT_TRUE(CallAgent(protocol::kAgentService, "DestroySandbox"));
  const auto off = machine->Wait(90s);
  ASSERT_TRUE(off) << off.error().ToString();
  EXPECT_EQ(*off, 0) << Log("qemu.log");
  EXPECT_TRUE(Eventually([&] { return Spans().contains("sandbox"); })) << Log("traces");
  device->Signal(SIGTERM);
  EXPECT_TRUE(device->Wait());
  const auto over = next->Wait();
  ASSERT_TRUE(over) << over.error().ToString();
  EXPECT_EQ(*over, 0) << Log("host.log");
}

}  // namespace
}  // namespace inro::boot_test
