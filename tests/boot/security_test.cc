// Who may talk to a guest, tried: docs/security.md.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "guest_run.h"
#include "sys/file.h"
#include "vmm/control/control_call.h"
#include "vmm/control/copy.h"
#include "vmm/control/exec_session.h"
#include "wire/address.h"

namespace inro::boot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Of the table in docs/security.md: what listens in a guest, and what a host may listen on.
constexpr std::uint32_t kGuestPorts[] = {1024, 1025, 1026, 1027, 10124};
constexpr std::uint32_t kHostPorts[] = {1024, 1025, 1026, 10123, 10124, 10240};
// Somebody listens there on the host while the test runs: the way to the host does work.
constexpr std::uint32_t kOpenHostPort = 9000;

class Security : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  // The lines of guest_ports in the guest.
  std::string TryPorts(const std::vector<std::string>& arguments) {
    protocol::ExecStartRequest request;
    request.argv = {"/tmp/guest_ports"};
    request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
    const auto client = run_->DialControl();
    EXPECT_TRUE(client);
    if (!client) return {};
    vmm::ExecSession session(**client);
    const auto started = session.Start(request);
    EXPECT_TRUE(started);
    if (!started || started->id == 0) return started ? started->message : "";
    const auto folder = sys::TempDir::Create("inro-ports");
    const auto out = sys::Open(folder->path() + "/out", O_WRONLY | O_CREAT | O_APPEND);
    const auto end = session.Run({.in = -1, .out = out->get(), .err = out->get()});
    EXPECT_TRUE(end) << end.error().ToString();
    std::string text = sys::ReadFile(folder->path() + "/out").value_or("");
    EXPECT_TRUE(end && end->ExitStatus() == 0) << text;
    return text;
  }
};

TEST_P(Security, AContainerTriesEveryPortInVain) {
  INRO_BOOT(DebianSpec(), GetParam(),
            {"agent.debug_console", "agent.debug_console_vport=1026", "agent.log_vport=1025"});
  const auto client = run_->DialControl();
  ASSERT_TRUE(client) << client.error().ToString();
  const auto copied =
      vmm::CopyToGuest(**client, INRO_BINARY_DIR "/guest_ports", "/tmp/guest_ports", {});
  ASSERT_TRUE(copied) << copied.error().ToString();
  // Every port is open for the host, so that a refusal below is for the container.
  for (const std::uint32_t port : {1024u, 1026u, 10124u}) {
    EXPECT_TRUE(run_->guest().Connect(port, 20s)) << port;
  }
  wire::Address open{.kind = wire::Address::Kind::kUnix};
  open.path = fmt::format("{}_{}", run_->guest().paths().hybrid_socket(), kOpenHostPort);
  const auto listener = wire::Listen(open);
  ASSERT_TRUE(listener) << listener.error().ToString();
  const std::string control = TryPorts({"--here", fmt::format("2:{}", kOpenHostPort)});
  EXPECT_THAT(control, HasSubstr(fmt::format("2:{} connected", kOpenHostPort)))
      << "guest_ports cannot connect at all: what follows would prove nothing";

  std::vector<std::string> targets;
  for (const std::uint32_t port : kGuestPorts) {
    targets.push_back(fmt::format("own:{}", port));
    targets.push_back(fmt::format("1:{}", port));
  }
  for (const std::uint32_t port : kHostPorts) targets.push_back(fmt::format("2:{}", port));
  const std::string tried = TryPorts(targets);
  std::fprintf(stderr, "%s", tried.c_str());
  EXPECT_EQ(std::ranges::count(tried, '\n'), static_cast<std::ptrdiff_t>(targets.size())) << tried;
  // The host tells the time to whoever asks, and nothing else; docs/security.md says so.
  std::string others = tried;
  const std::string time = "2:10123 connected\n";
  if (const auto at = others.find(time); at != std::string::npos) others.erase(at, time.size());
  EXPECT_THAT(others, ::testing::Not(HasSubstr("connected")));
  ExpectPowerOff();
}

GuestSpec ClosedSpec() {
  GuestSpec spec = DebianWith("closed", "", "", {kInitrdInro, kImageSystemd});
  const std::string open = "\ndebug = true\n";
  const std::size_t at = spec.text.find(open);
  EXPECT_NE(at, std::string::npos);
  if (at != std::string::npos) spec.text.replace(at, open.size(), "\ndebug = false\n");
  return spec;
}

TEST_P(Security, DebugFalseCannotBeOverruled) {
  INRO_BOOT(ClosedSpec(), GetParam(), {"agent.debug_console", "agent.debug_console_vport=1026"});
  // State first: it answers when the target is reached, and then a console would listen.
  ExpectHealthy();
  const auto console = run_->guest().Connect(1026, 3s);
  EXPECT_FALSE(console) << "a debug console, although the definition says debug = false";
  const auto client = run_->DialControl();
  ASSERT_TRUE(client) << client.error().ToString();
  vmm::ExecSession session(**client);
  const auto refused = session.Start({.argv = {"true"}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("debug = true"));
  const auto copied = vmm::CopyFromGuest(**client, "/etc/passwd", "/tmp/inro-stolen", {});
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().ToString(), HasSubstr("debug = true"));
  EXPECT_FALSE(sys::Exists("/tmp/inro-stolen"));
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Debian, Security, ::testing::Values(kInitrdInro, kImageSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

}  // namespace
}  // namespace inro::boot_test
