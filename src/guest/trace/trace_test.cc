// Role `trace` without a guest: times to spans, the buffer, the link to the host over real sockets.
#include <gmock/gmock.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "guest/trace/boot_trace.h"
#include "guest/trace/bus_signal.h"
#include "guest/trace/host_link.h"
#include "guest/trace/sent_record.h"
#include "guest/trace/span_intake.h"
#include "protocol/trace_context.h"
#include "sys/file.h"
#include "wire/address.h"

namespace inro::guest::trace {
namespace {

using namespace std::chrono_literals;
using protocol::Span;

const std::string kTrace = "0123456789abcdef";

const Span* Named(const std::vector<Span>& spans, std::string_view name) {
  const auto found = std::ranges::find(spans, name, &Span::name);
  return found == spans.end() ? nullptr : &*found;
}

UnitTimes Unit(std::string name, std::string state, std::uint64_t started, std::uint64_t active,
               std::uint64_t stopping = 0, std::uint64_t inactive = 0) {
  return {std::move(name), std::move(state), "", 7, started, active, stopping, inactive};
}

TEST(BootTrace, UnitsOfTheBootAndOfTheEnd) {
  BootTrace trace(kTrace, "kata-containers.target");
  auto spans = trace.Update(
      {Unit("kata-agent.service", "active", 100, 300), Unit("slow.service", "activating", 120, 0),
       Unit("dev-x.device", "active", 1, 1)},
      400);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].name, "start kata-agent.service");
  EXPECT_EQ(spans[0].start_time_unix_nano.value, 100'000u);
  EXPECT_EQ(spans[0].end_time_unix_nano.value, 300'000u);
  EXPECT_FALSE(trace.booted());

  spans = trace.Update({Unit("kata-agent.service", "active", 100, 300),
                        Unit("slow.service", "failed", 120, 0, 0, 500),
                        Unit("kata-containers.target", "active", 600, 600)},
                       700);
  ASSERT_EQ(spans.size(), 3u);
  ASSERT_NE(Named(spans, "start slow.service"), nullptr);
  EXPECT_EQ(Named(spans, "start slow.service")->status->code, protocol::StatusCode::kError);
  const Span* boot = Named(spans, "boot");
  ASSERT_NE(boot, nullptr);
  EXPECT_EQ(boot->end_time_unix_nano.value, 600'000u);
  EXPECT_EQ(boot->parent_span_id, trace.root_id());
  EXPECT_EQ(Named(spans, "start slow.service")->parent_span_id, boot->span_id);

  // Later, and stopped while the guest lives on: children of the root.
  spans = trace.Update({Unit("late.service", "inactive", 800, 810, 900, 950)}, 960);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(Named(spans, "start late.service")->parent_span_id, trace.root_id());
  EXPECT_EQ(Named(spans, "stop late.service")->parent_span_id, trace.root_id());
  EXPECT_EQ(Named(spans, "stop late.service")->start_time_unix_nano.value, 900'000u);
  EXPECT_FALSE(trace.ending());

  // The agent's end is the guest's.
  spans = trace.Update({Unit("kata-agent.service", "inactive", 100, 300, 1000, 1010)}, 1020);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_TRUE(trace.ending());
  const Span stop = spans[0];
  spans = trace.End(1100);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].name, "shutdown");
  EXPECT_EQ(spans[0].span_id, stop.parent_span_id);
  EXPECT_EQ(spans[0].start_time_unix_nano.value, 1'000'000u);
  EXPECT_EQ(spans[1].name, "sandbox");
  EXPECT_EQ(spans[1].span_id, trace.root_id());
  EXPECT_EQ(spans[1].end_time_unix_nano.value, 1'100'000u);
}

TEST(BootTrace, WithoutStopTimesWhatWasSeenCounts) {
  BootTrace trace(kTrace, "kata-containers.target");
  trace.Update({Unit("a.service", "active", 100, 200)}, 300);
  EXPECT_TRUE(trace.Update({Unit("a.service", "deactivating", 100, 200)}, 400).empty());
  const auto spans = trace.Update({Unit("a.service", "inactive", 100, 200)}, 500);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].name, "stop a.service");
  EXPECT_EQ(spans[0].start_time_unix_nano.value, 400'000u);
  EXPECT_EQ(spans[0].end_time_unix_nano.value, 500'000u);
  EXPECT_TRUE(trace.Update({Unit("a.service", "inactive", 100, 200)}, 600).empty());
}

TEST(BootTrace, ABootThatDidNotEndIsAnError) {
  BootTrace trace(kTrace, "own.target");
  const auto spans = trace.End(50);
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].name, "boot");
  EXPECT_EQ(spans[0].status->message, "own.target was not reached");
}

TEST(BootTrace, ReadsWhatStage1Wrote) {
  const auto steps =
      ParseBootSteps("step\tstart_us\tend_us\nkernel\t0\t500\nroot\t500\t700\nbad\t9\t1\ncut\t1");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[1].name, "root");
  EXPECT_EQ(steps[1].end_us, 700u);
}

TEST(UnitTimes, BothKindsOfInitSayTheSame) {
  const auto table = ParseUnitsTsv(
      "unit\tactive\tsub\tpid\tstarted_us\tactive_us\tresult\tstopping_us\tinactive_us\n"
      "a.service\tfailed\tx\t9\t1\t2\tsuccess\t3\t4\n");
  const auto show = ParseUnitShow(
      "Id=a.service\nActiveState=failed\nMainPID=9\nResult=success\n"
      "InactiveExitTimestampMonotonic=1\nActiveEnterTimestampMonotonic=2\n"
      "ActiveExitTimestampMonotonic=3\nInactiveEnterTimestampMonotonic=4\n\nId=b.target\n");
  ASSERT_EQ(table.size(), 1u);
  ASSERT_EQ(show.size(), 2u);
  for (const UnitTimes& unit : {table[0], show[0]}) {
    EXPECT_EQ(unit.name, "a.service");
    EXPECT_EQ(unit.state, "failed");
    EXPECT_EQ(unit.result, "");
    EXPECT_EQ(unit.pid, 9u);
    EXPECT_EQ(unit.started_us, 1u);
    EXPECT_EQ(unit.active_us, 2u);
    EXPECT_EQ(unit.stopping_us, 3u);
    EXPECT_EQ(unit.inactive_us, 4u);
  }
  EXPECT_EQ(show[1].name, "b.target");
}

// The message of the seed corpus: PropertiesChanged of chrony.service, then another signal.
TEST(BusReader, TakesChangesOfUnitsInAnyPieces) {
  const auto bytes = sys::ReadFile(INRO_SOURCE_DIR "/tests/fuzz/corpus/bus_signal_fuzz/changed");
  ASSERT_TRUE(bytes);
  BusReader reader;
  std::vector<UnitChange> changes;
  for (const char byte : bytes->substr(1)) {
    ASSERT_TRUE(reader.Take(std::string_view(&byte, 1), changes));
  }
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].unit, "chrony.service");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"ActiveState", "active"}, {"ActiveEnterTimestampMonotonic", "1234567"}};
  EXPECT_EQ(changes[0].properties, expected);
  EXPECT_FALSE(BusReader().Take("REJECTED\r\n", changes));
}

TEST(SpanBuffer, DropsTheOldestAndCounts) {
  SpanBuffer buffer;
  for (std::size_t i = 0; i < SpanBuffer::kMostSpans + 3; ++i) buffer.Add(std::to_string(i));
  EXPECT_EQ(buffer.size(), SpanBuffer::kMostSpans);
  EXPECT_EQ(buffer.dropped(), 3u);
  EXPECT_EQ(buffer.TakeBatch().front(), "3");
  EXPECT_TRUE(buffer.TakeBatch().empty());
  buffer.Return();
  EXPECT_EQ(buffer.TakeBatch().front(), "3");
  buffer.Acknowledge();
  EXPECT_EQ(buffer.sent(), SpanBuffer::kBatchSpans);
}

TEST(Intake, PutsSpansWhereTheyBelong) {
  const std::string root = "rootroot";
  Span span;
  span.span_id = "12345678";
  span.name = "call";
  Span back;
  ASSERT_TRUE(Decode(*TakeDatagram(Encode(span), kTrace, root), back));
  EXPECT_EQ(back.trace_id, kTrace);
  EXPECT_EQ(back.parent_span_id, root);
  EXPECT_TRUE(back.links.empty());
  span.trace_id = "fedcba9876543210";
  span.parent_span_id = "caller__";
  back = Span();
  ASSERT_TRUE(Decode(*TakeDatagram(Encode(span), kTrace, root), back));
  EXPECT_EQ(back.parent_span_id, "caller__");
  ASSERT_EQ(back.links.size(), 1u);
  EXPECT_EQ(back.links[0].trace_id, kTrace);
  span.span_id = "short";
  EXPECT_FALSE(TakeDatagram(Encode(span), kTrace, root));
  EXPECT_FALSE(TakeDatagram("\xff", kTrace, root));
}

TEST(Intake, TimesBecomeUnixTimes) {
  Span span;
  span.span_id = "12345678";
  span.start_time_unix_nano.value = 100;
  span.end_time_unix_nano.value = 150;
  protocol::ExportTraceRequest request;
  ASSERT_TRUE(Decode(MakeRequest({Encode(span)}, {}, 1'000'000), request));
  const Span& sent = request.resource_spans.at(0).scope_spans.at(0).spans.at(0);
  EXPECT_EQ(sent.start_time_unix_nano.value, 1'000'100u);
  EXPECT_EQ(sent.end_time_unix_nano.value, 1'000'150u);
  EXPECT_EQ(protocol::NumberAttribute(sent.attributes, kMonotonicStart, 0), 100);
}

TEST(SentRecord, IsReadByTheNextProcess) {
  const auto folder = sys::TempDir::Create("inro-trace");
  ASSERT_TRUE(folder);
  SentRecord first(folder->path() + "/sent");
  EXPECT_FALSE(first.Has("12345678"));
  first.Add("1234567887654321");
  SentRecord second(folder->path() + "/sent");
  EXPECT_TRUE(second.Has("12345678"));
  EXPECT_TRUE(second.Has("87654321"));
  EXPECT_FALSE(second.Has("abcdefgh"));
}

TEST(HttpAnswer, InPiecesAndWhole) {
  HttpAnswer answer;
  const std::string text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
  for (const char byte : text) answer.Take(std::string_view(&byte, 1));
  EXPECT_EQ(answer.state(), HttpAnswer::State::kDone);
  EXPECT_EQ(answer.status(), 200);
  EXPECT_TRUE(answer.keep_alive());
  HttpAnswer open;
  EXPECT_EQ(open.Take("HTTP/1.1 200 OK\r\n\r\n"), HttpAnswer::State::kDone);
  EXPECT_FALSE(open.keep_alive());
  EXPECT_EQ(HttpAnswer().Take("SSH-2.0\r\n\r\n"), HttpAnswer::State::kMalformed);
}

// A host on a Unix socket, driven by the same loop.
class HostLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-trace");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    address_.path = folder_->path() + "/host";
    loop_ = std::move(wire::Loop::Create().value());
    link_.emplace(
        *loop_, buffer_, [this] { return wire::Connect(address_, 1s); },
        [](const std::vector<std::string>& spans) {
          std::string body;
          for (const std::string& span : spans) body += span + ";";
          return body;
        },
        [this](const std::vector<std::string>& spans) { acknowledged_ += spans.size(); });
  }

  void Listen() {
    listener_ = std::move(wire::Listen(address_).value());
    loop_->Watch(listener_.get(), EPOLLIN, [this](std::uint32_t) {
      wire::Peer peer;
      auto socket = wire::Accept(listener_.get(), peer);
      if (!socket || !*socket) return;
      const int fd = socket->get();
      sockets_.push_back(std::move(*socket));
      loop_->Watch(fd, EPOLLIN, [this, fd](std::uint32_t) { Serve(fd); });
    });
  }

  void Serve(int fd) {
    char bytes[4096];
    const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) return;
    seen_ += std::string(bytes, static_cast<std::size_t>(got)) + "|";
    const int status = statuses_.empty() ? 200 : statuses_.front();
    if (!statuses_.empty()) statuses_.erase(statuses_.begin());
    const std::string answer = fmt::format("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", status);
    ASSERT_TRUE(sys::WriteAll(fd, answer, "socket"));
  }

  // Runs until the buffer is empty, or the time is over.
  void Run(std::chrono::milliseconds limit) {
    link_->Hurry([this] { loop_->Stop(); });
    loop_->At(wire::Loop::Clock::now() + limit, [this] { loop_->Stop(); });
    loop_->Run();
  }

  std::optional<sys::TempDir> folder_;
  wire::Address address_;
  std::unique_ptr<wire::Loop> loop_;
  SpanBuffer buffer_;
  std::optional<HostLink> link_;
  UniqueFd listener_;
  std::vector<UniqueFd> sockets_;
  std::vector<int> statuses_;
  std::string seen_;
  std::size_t acknowledged_ = 0;
};

TEST_F(HostLinkTest, SendsAgainWhatTheHostDidNotTake) {
  Listen();
  statuses_ = {503, 200};
  buffer_.Add("a");
  buffer_.Add("b");
  Run(60s);
  EXPECT_EQ(acknowledged_, 2u);
  EXPECT_EQ(buffer_.sent(), 2u);
  EXPECT_EQ(link_->failures(), 1u);
  EXPECT_NE(seen_.find("POST /v1/traces HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(seen_.find("a;b;"), std::string::npos);
}

TEST_F(HostLinkTest, ARefusalForGoodIsCountedAndNotRepeated) {
  Listen();
  statuses_ = {400};
  buffer_.Add("a");
  Run(60s);
  EXPECT_EQ(buffer_.refused(), 1u);
  EXPECT_EQ(buffer_.sent(), 0u);
  EXPECT_TRUE(buffer_.empty());
}

TEST_F(HostLinkTest, AHostThatComesLateGetsAll) {
  buffer_.Add("a");
  const std::function<void()> listen_after_a_failure = [&] {
    if (link_->failures() > 0) return Listen();
    loop_->At(wire::Loop::Clock::now() + 10ms, listen_after_a_failure);
  };
  listen_after_a_failure();
  Run(60s);
  EXPECT_EQ(acknowledged_, 1u);
  EXPECT_GE(link_->failures(), 1u);
}

TEST_F(HostLinkTest, WithoutAHostItGivesUpInTime) {
  buffer_.Add("a");
  Run(300ms);
  EXPECT_EQ(buffer_.size(), 1u);
}

}  // namespace
}  // namespace inro::guest::trace
