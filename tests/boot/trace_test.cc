// agent.trace in whole guests: from the kernel's start to the root span, which comes last.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "compare/trace_check.h"
#include "guest_run.h"
#include "inro_program.h"
#include "sys/file.h"
#include "vmm/host/guest_address.h"
#include "vmm/host/trace_receiver.h"
#include "vmm/host/trace_sinks.h"

namespace inro::boot_test {
namespace {

using std::chrono::milliseconds;

// A collector on TCP that holds each request without an answer until it is released.
class StallingCollector final : public vmm::TraceSink {
 public:
  ~StallingCollector() override { Release(); }
  void Begin() {
    UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    ASSERT_EQ(::bind(tcp.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    ASSERT_EQ(::getsockname(tcp.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    ASSERT_EQ(::listen(tcp.get(), 8), 0);
    url_ = fmt::format("http://127.0.0.1:{}", ntohs(name.sin_port));
    auto server = vmm::TraceReceiver::Start(std::move(tcp), *this);
    ASSERT_TRUE(server) << server.error().ToString();
    server_ = std::move(*server);
  }
  bool Take(const protocol::ExportTraceRequest& request) override {
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return released_; });
    return spans_.Take(request);
  }
  bool WaitAsked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kReadyLimit, [this] { return asked_; });
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  std::size_t Count(std::string_view name) const {
    std::size_t count = 0;
    for (const auto& group : spans_.Spans()) {
      for (const auto& scope : group.scope_spans) {
        count +=
            static_cast<std::size_t>(std::ranges::count(scope.spans, name, &protocol::Span::name));
      }
    }
    return count;
  }
  const std::string& url() const { return url_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;     // under mutex_
  bool released_ = false;  // under mutex_
  vmm::TraceMemorySink spans_;
  std::string url_;
  std::unique_ptr<vmm::TraceReceiver> server_;  // after what it uses
};

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

// `inro trace` sends on to a collector that takes a request and says nothing for a minute, over the
// guest's end: the guest neither waits nor loses, and the collector has all in the end, once.
TEST_P(Trace, AHostWhoseCollectorStallsLosesNothing) {
  StartTraced();
  if (HasFatalFailure() || IsSkipped()) return;
  StallingCollector collector;
  ASSERT_NO_FATAL_FAILURE(collector.Begin());
  const auto folder = sys::TempDir::Create("inro-stall");
  ASSERT_TRUE(folder);
  const std::string log = folder->path() + "/log";
  auto host = Beside::Start({INRO_BINARY_DIR "/inro", "trace",
                             run_->guest().paths().hybrid_socket(), "--otlp", collector.url()},
                            {}, log);
  ASSERT_TRUE(host) << host.error().ToString();
  ASSERT_NO_FATAL_FAILURE(ExpectReady());
  ASSERT_TRUE(collector.WaitAsked());
  const auto stalled = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    const auto agent = run_->Dial(protocol::kAgentPort);
    ASSERT_TRUE(agent) << agent.error().ToString();
    const auto called =
        (*agent)->CallOk(protocol::kAgentService, "GetGuestDetails", "", kCallLimit);
    ASSERT_TRUE(called) << called.error().ToString();
  }
  ExpectHealthy();
  ExpectPowerOff();
  EXPECT_EQ(collector.Count("sandbox"), 0u);
  std::this_thread::sleep_until(stalled + std::chrono::seconds(60));
  collector.Release();
  const auto ended = host->Wait();
  ASSERT_TRUE(ended) << ended.error().ToString();
  EXPECT_EQ(*ended, 0) << sys::ReadFile(log).value_or("");
  EXPECT_EQ(collector.Count("grpc.AgentService/GetGuestDetails"), 200u);
  EXPECT_EQ(collector.Count("boot"), 1u);
  EXPECT_EQ(collector.Count("spans lost"), 0u);
  EXPECT_EQ(collector.Count("sandbox"), 1u) << sys::ReadFile(log).value_or("");
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
