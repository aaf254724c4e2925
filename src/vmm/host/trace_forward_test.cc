// Spans on their way to a collector that is away, slow, or stalls for longer than anybody waits.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "sys/file.h"
#include "vmm/host/trace_sinks.h"
#include "wire/address.h"

namespace inro::vmm {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

protocol::ExportTraceRequest OneSpan(const std::string& name) {
  protocol::ExportTraceRequest request;
  auto& span =
      request.resource_spans.emplace_back().scope_spans.emplace_back().spans.emplace_back();
  span.trace_id = "0123456789abcdef";
  span.span_id = "01234567";
  span.name = name;
  return request;
}

// Keeps the names of spans in their order; while it stalls, a request is held without an answer.
class StallingSink final : public TraceSink {
 public:
  bool Take(const protocol::ExportTraceRequest& request) override {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !stalls_; });
    for (const auto& group : request.resource_spans) {
      for (const auto& scope : group.scope_spans) {
        for (const auto& span : scope.spans) names_.push_back(span.name);
      }
    }
    return true;
  }
  void Stall(bool stalls) {
    const std::lock_guard lock(mutex_);
    stalls_ = stalls;
    changed_.notify_all();
  }
  bool WaitAsked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [this] { return asked_ > 0; });
  }
  std::vector<std::string> names() {
    const std::lock_guard lock(mutex_);
    return names_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stalls_ = false;
  int asked_ = 0;
  std::vector<std::string> names_;
};

// A collector: a receiver on TCP, which libcurl speaks to.
class Collector {
 public:
  Collector() : tcp_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    EXPECT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    url_ = OtlpTraceUrl(fmt::format("http://127.0.0.1:{}", ntohs(name.sin_port))).value();
  }
  ~Collector() { sink.Stall(false); }  // else the server's thread does not end
  void Begin() {
    ASSERT_EQ(::listen(tcp_.get(), 5), 0);
    auto server = TraceReceiver::Start(std::move(tcp_), sink);
    ASSERT_TRUE(server) << server.error().ToString();
    server_ = std::move(*server);
  }
  const std::string& url() const { return url_; }

  StallingSink sink;

 private:
  UniqueFd tcp_;
  std::string url_;
  std::unique_ptr<TraceReceiver> server_;
};

// Limits that a machine under load does not reach.
TraceForwardOptions Patient() {
  TraceForwardOptions options;
  options.first_pause = 20ms;
  options.limits = {600s, 600s};
  options.end_limit = 600s;
  return options;
}

TEST(TraceForward, ACollectorThatIsAwayAtFirstGetsAll) {
  Collector collector;
  {
    TraceForwardSink forward(collector.url(), Patient());
    EXPECT_TRUE(forward.Take(OneSpan("first")));
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(forward.sent(), 0u);
    collector.Begin();
    EXPECT_TRUE(forward.Take(OneSpan("second")));
  }
  EXPECT_EQ(collector.sink.names(), (std::vector<std::string>{"first", "second"}));
}

// The guest's end is served while the collector stalls, until the room is used up; then the guest
// is told to keep its spans. What was acknowledged arrives once, in order.
TEST(TraceForward, AStallHoldsUpNobodyAndLosesNothing) {
  Collector collector;
  collector.Begin();
  collector.sink.Stall(true);
  TraceForwardOptions options = Patient();
  options.queue_bytes = 2000;
  TraceForwardSink forward(collector.url(), options);
  const auto folder = sys::TempDir::Create("inro-trace");
  ASSERT_TRUE(folder);
  wire::Address address;
  address.path = folder->path() + "/s";
  auto listener = wire::Listen(address);
  ASSERT_TRUE(listener);
  const auto receiver = TraceReceiver::Start(std::move(*listener), forward).value();
  const auto guest = wire::Connect(address, 60s);
  ASSERT_TRUE(guest);
  const auto send = [&](const std::string& name) {
    const std::string body = protocol::Encode(OneSpan(name));
    EXPECT_TRUE(sys::WriteAll(
        guest->get(),
        fmt::format("POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    body.size(), body),
        "socket"));
    char reply[512];
    const ssize_t got = ::read(guest->get(), reply, sizeof reply);
    const std::string text(reply, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ") || text.starts_with("HTTP/1.1 503 ")) << text;
    return text.starts_with("HTTP/1.1 200 ");
  };
  std::vector<std::string> acknowledged;
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    if (send(fmt::format("span {}", i))) {
      acknowledged.push_back(fmt::format("span {}", i));
    } else {
      ++refused;
    }
  }
  EXPECT_GT(acknowledged.size(), 10u);
  EXPECT_LT(acknowledged.size(), 60u) << "the queue is bounded";
  EXPECT_GT(refused, 0);
  ASSERT_TRUE(collector.sink.WaitAsked());
  EXPECT_EQ(collector.sink.names().size(), 0u);
  EXPECT_EQ(forward.sent(), 0u);

  collector.sink.Stall(false);
  const auto deadline = Clock::now() + 60s;
  while (!send("after")) {
    ASSERT_LT(Clock::now(), deadline);
    std::this_thread::sleep_for(5ms);
  }
  acknowledged.emplace_back("after");
  forward.End(600s);
  EXPECT_EQ(collector.sink.names(), acknowledged);
  EXPECT_EQ(forward.refused(), 0u);
}

TEST(TraceForward, AtTheEndAStalledCollectorIsWaitedFor) {
  Collector collector;
  collector.Begin();
  collector.sink.Stall(true);
  TraceForwardSink forward(collector.url(), Patient());
  EXPECT_TRUE(forward.Take(OneSpan("one")));
  EXPECT_TRUE(forward.Take(OneSpan("two")));
  ASSERT_TRUE(collector.sink.WaitAsked());
  std::jthread release([&] {
    std::this_thread::sleep_for(100ms);
    collector.sink.Stall(false);
  });
  forward.End(600s);
  EXPECT_EQ(collector.sink.names(), (std::vector<std::string>{"one", "two"}));
  EXPECT_FALSE(forward.Take(OneSpan("three"))) << "it has ended";
  EXPECT_FALSE(forward.HasRoom());
}

// Neither the limit nor whoever asks for the end waits for the request's own limit.
TEST(TraceForward, TheEndIsNotHeldUpBeyondItsLimit) {
  for (const bool by_hand : {false, true}) {
    Collector collector;
    collector.Begin();
    collector.sink.Stall(true);
    std::vector<std::string> notes;
    TraceForwardOptions options = Patient();
    options.note = [&](std::string_view note) { notes.emplace_back(note); };
    TraceForwardSink forward(collector.url(), options);
    EXPECT_TRUE(forward.Take(OneSpan("one")));
    EXPECT_TRUE(forward.Take(OneSpan("two")));
    ASSERT_TRUE(collector.sink.WaitAsked());
    const auto begun = Clock::now();
    if (by_hand) {
      std::stop_source stop;
      std::jthread interrupt([&] { stop.request_stop(); });
      forward.End(600s, stop.get_token());
    } else {
      forward.End(100ms);
    }
    EXPECT_LT(Clock::now() - begun, 60s);
    EXPECT_EQ(forward.sent(), 0u);
    EXPECT_EQ(forward.refused(), 2u);
    EXPECT_THAT(notes, Contains(HasSubstr("spans left unsent")));
  }
}

TEST(TraceForward, AFullQueueTakesNothing) {
  TraceForwardOptions options;
  options.queue_bytes = 1;
  options.end_limit = 0ms;
  TraceForwardSink forward("http://127.0.0.1:1/v1/traces", options);
  EXPECT_TRUE(forward.Take(OneSpan("a")));
  EXPECT_FALSE(forward.HasRoom());
  EXPECT_FALSE(forward.Take(OneSpan("b")));
}

// Of several outputs none gets what another has no room for: the guest sends it again to all.
TEST(TraceFanOut, TakesWhatAllHaveRoomFor) {
  TraceForwardOptions options;
  options.queue_bytes = 1;
  options.end_limit = 0ms;
  TraceForwardSink forward("http://127.0.0.1:1/v1/traces", options);
  TraceMemorySink memory;
  TraceFanOut all;
  EXPECT_TRUE(all.Take(OneSpan("nobody keeps it")));
  all.Add(memory);
  all.Add(forward);
  EXPECT_TRUE(all.Take(OneSpan("a")));
  EXPECT_FALSE(all.HasRoom());
  EXPECT_FALSE(all.Take(OneSpan("b")));
  EXPECT_EQ(memory.size(), 1u);
}

}  // namespace
}  // namespace inro::vmm
