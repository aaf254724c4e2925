// The receiving end of traces: parsers, streams, the receiver on a real socket, the sinks.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/trace_context.h"
#include "sys/file.h"
#include "vmm/host/kata_span.h"
#include "vmm/host/trace_json.h"
#include "vmm/host/trace_sinks.h"
#include "vmm/host/trace_stream.h"
#include "wire/address.h"

namespace inro::vmm {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

protocol::ExportTraceRequest OneSpan(const std::string& name) {
  protocol::ExportTraceRequest request;
  auto& group = request.resource_spans.emplace_back();
  group.resource.emplace().attributes = {protocol::Attribute("service.name", "test")};
  auto& span = group.scope_spans.emplace_back().spans.emplace_back();
  span.trace_id = "0123456789abcdef";
  span.span_id = "01234567";
  span.name = name;
  span.start_time_unix_nano.value = 0xffffffffffffff01;
  span.end_time_unix_nano.value = 0xffffffffffffff02;
  span.attributes = {protocol::Attribute("n", std::int64_t{-7}), protocol::Attribute("t", "\"x\"")};
  span.status = protocol::SpanStatus{"bad", protocol::StatusCode::kError};
  return request;
}

std::string Post(const std::string& type, const std::string& body, const std::string& more = "") {
  return "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: " + type + "\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Collected {
  std::vector<protocol::ExportTraceRequest> requests;
  TraceStream stream{[this](const protocol::ExportTraceRequest& request) {
    requests.push_back(request);
    return true;
  }};
};

TEST(TraceJson, SurvivesTheWayThereAndBack) {
  const auto request = OneSpan("span");
  const std::string json = TraceJson(request);
  EXPECT_THAT(json, HasSubstr("\"traceId\":\"30313233343536373839616263646566\""));
  EXPECT_THAT(json, HasSubstr("\"startTimeUnixNano\":\"18446744073709551361\""));
  const auto back = ParseTraceJson(json);
  ASSERT_TRUE(back) << back.error().ToString();
  // The scope's (empty) description is written out and so becomes present.
  auto expected = request;
  expected.resource_spans[0].scope_spans[0].scope.emplace();
  EXPECT_EQ(protocol::Encode(*back), protocol::Encode(expected));
}

TEST(TraceJson, BadTextIsAnError) {
  EXPECT_FALSE(ParseTraceJson("[1]"));
  EXPECT_FALSE(ParseTraceJson("{"));
  EXPECT_FALSE(
      ParseTraceJson("{\"a\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}"));
  EXPECT_TRUE(ParseTraceJson("{\"resourceSpans\": 5}"));
}

TEST(TraceStream, TakesProtobufByteByByteAndKeepsTheConnection) {
  Collected all;
  const std::string bytes = Post("application/x-protobuf", protocol::Encode(OneSpan("a")));
  for (const char byte : bytes + bytes) all.stream.Feed(std::string_view(&byte, 1));
  ASSERT_EQ(all.requests.size(), 2u);
  EXPECT_EQ(all.requests[1].resource_spans[0].scope_spans[0].spans[0].name, "a");
  const std::string reply = all.stream.TakeReply();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(reply.find("HTTP/1.1 200 OK", 10), std::string::npos);
  EXPECT_FALSE(all.stream.closing());
}

TEST(TraceStream, TakesJsonAndChunks) {
  Collected all;
  all.stream.Feed(Post("application/json; charset=utf-8", TraceJson(OneSpan("j"))));
  const std::string body = protocol::Encode(OneSpan("c"));
  all.stream.Feed(
      "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5;x=1\r\n" +
      body.substr(0, 5) + "\r\n" + fmt::format("{:X}", body.size() - 5) + "\r\n" + body.substr(5) +
      "\r\n0\r\nTrailer: 1\r\n\r\n");
  ASSERT_EQ(all.requests.size(), 2u);
  EXPECT_EQ(all.requests[1].resource_spans[0].scope_spans[0].spans[0].name, "c");
}

TEST(TraceStream, RefusesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"garbage\r\n\r\n", " 400 "},
      {"GET /v1/traces HTTP/1.1\r\n\r\n", " 405 "},
      {"POST /v1/logs HTTP/1.1\r\nContent-Length: 0\r\n\r\n", " 404 "},
      {Post("text/plain", "x"), " 415 "},
      {Post("application/x-protobuf", "x", "Content-Encoding: gzip\r\n"), " 415 "},
      {Post("application/x-protobuf", "\x0a\x7f"), " 400 "},
      {Post("application/json", "{"), " 400 "},
      {"POST /v1/traces HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", " 413 "},
      {"POST /v1/traces HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       " 400 "},
      {"POST /v1/traces HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", " 400 "},
      {"POST /v1/traces HTTP/1.1\r\nX: " + std::string(20'000, 'x'), " 413 "},
  };
  for (const auto& [bytes, status] : cases) {
    Collected all;
    all.stream.Feed(bytes);
    EXPECT_THAT(all.stream.TakeReply(), HasSubstr(status)) << bytes.substr(0, 80);
    EXPECT_TRUE(all.requests.empty());
    EXPECT_EQ(all.stream.malformed(), 1u) << bytes.substr(0, 80);
  }
}

TEST(TraceStream, SaysLaterWhenTheSinkIsFull) {
  TraceStream stream([](const protocol::ExportTraceRequest&) { return false; });
  stream.Feed(Post("application/x-protobuf", protocol::Encode(OneSpan("a"))));
  EXPECT_THAT(stream.TakeReply(), StartsWith("HTTP/1.1 503 "));
}

std::string KataFrame(const std::string& json) {
  std::string frame;
  for (int shift = 56; shift >= 0; shift -= 8) {
    frame += static_cast<char>(json.size() >> shift & 0xff);
  }
  return frame + json;
}

constexpr const char* kKataSpan =
    R"({"span_context":{"trace_id":24197857200151252728969465429440056815,"trace_flags":1,)"
    R"("span_id":11840513132104113234,"is_remote":false},"parent_span_id":1,)"
    R"("span_kind":"Internal","name":"create_container","start_time":)"
    R"({"secs_since_epoch":1700000000,"nanos_since_epoch":5},"end_time":)"
    R"({"secs_since_epoch":1700000001,"nanos_since_epoch":6},"attributes":{"map":)"
    R"({"id":{"String":"\"12345678901234567890123\""},"n":{"I64":-3}}},)"
    R"("status_code":"Error","status_message":"no"})";

TEST(TraceStream, TakesFramesOfKatasAgent) {
  Collected all;
  const std::string bytes = KataFrame(kKataSpan) + KataFrame("not json") + KataFrame(kKataSpan);
  for (std::size_t at = 0; at < bytes.size(); at += 7) all.stream.Feed(bytes.substr(at, 7));
  ASSERT_EQ(all.requests.size(), 2u);
  EXPECT_EQ(all.stream.malformed(), 1u);
  EXPECT_EQ(all.stream.TakeReply(), "");
  const auto& span = all.requests[0].resource_spans[0].scope_spans[0].spans[0];
  EXPECT_EQ(protocol::Hex(span.trace_id), "1234567890abcdef1234567890abcdef");
  EXPECT_EQ(protocol::Hex(span.span_id), "a451f3f5bd69dc52");
  EXPECT_EQ(protocol::Hex(span.parent_span_id), "0000000000000001");
  EXPECT_EQ(span.name, "create_container");
  EXPECT_EQ(span.kind, protocol::SpanKind::kInternal);
  EXPECT_EQ(span.start_time_unix_nano.value, 1700000000000000005u);
  EXPECT_EQ(span.status->message, "no");
  EXPECT_EQ(*protocol::TextAttribute(span.attributes, "id"), "\"12345678901234567890123\"");
  EXPECT_EQ(protocol::NumberAttribute(span.attributes, "n", 0), -3);
}

TEST(TraceStream, AFrameThatIsTooLongEndsTheConnection) {
  Collected all;
  all.stream.Feed(std::string_view("\0\0\0\1\0\0\0\0", 8));
  EXPECT_TRUE(all.stream.closing());
}

TEST(TraceUrl, GetsTheStandardPath) {
  EXPECT_EQ(OtlpTraceUrl("http://a:4318").value(), "http://a:4318/v1/traces");
  EXPECT_EQ(OtlpTraceUrl("http://a/").value(), "http://a/v1/traces");
  EXPECT_EQ(OtlpTraceUrl("https://a/own").value(), "https://a/own");
  EXPECT_FALSE(OtlpTraceUrl("a:4318"));
}

// A receiver on a Unix socket, as the vsock device leads a guest to it.
class ReceiverTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-trace");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    address_.path = folder_->path() + "/s_10240";
    auto listener = wire::Listen(address_);
    ASSERT_TRUE(listener);
    auto receiver = TraceReceiver::Start(std::move(*listener), memory_);
    ASSERT_TRUE(receiver);
    receiver_ = std::move(*receiver);
  }

  std::string Exchange(int fd, const std::string& bytes) {
    EXPECT_TRUE(sys::WriteAll(fd, bytes, "socket"));
    char reply[512];
    const ssize_t got = ::read(fd, reply, sizeof reply);
    return got > 0 ? std::string(reply, static_cast<std::size_t>(got)) : "";
  }

  std::optional<sys::TempDir> folder_;
  wire::Address address_;
  TraceMemorySink memory_;
  std::unique_ptr<TraceReceiver> receiver_;
};

TEST_F(ReceiverTest, SeveralConnectionsAtOnce) {
  const auto one = wire::Connect(address_, 60s);
  const auto two = wire::Connect(address_, 60s);
  ASSERT_TRUE(one && two);
  const std::string request = Post("application/x-protobuf", protocol::Encode(OneSpan("a")));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Exchange(one->get(), request), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(Exchange(two->get(), request), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_THAT(Exchange(two->get(), "rubbish\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(memory_.size(), 6u);
  receiver_->Stop();
  EXPECT_EQ(receiver_->counts().connections, 2u);
  EXPECT_EQ(receiver_->counts().requests, 6u);
  EXPECT_EQ(receiver_->counts().spans, 6u);
  EXPECT_EQ(receiver_->counts().malformed, 1u);
}

TEST_F(ReceiverTest, StopTakesWhatHasArrived) {
  const auto fd = wire::Connect(address_, 60s);
  ASSERT_TRUE(fd);
  ASSERT_TRUE(sys::WriteAll(fd->get(), KataFrame(kKataSpan), "socket"));
  receiver_->Stop();
  EXPECT_EQ(memory_.size(), 1u);
}

TEST(TraceFile, HoldsOneRequestALine) {
  const auto folder = sys::TempDir::Create("inro-trace");
  ASSERT_TRUE(folder);
  const std::string path = folder->path() + "/t.jsonl";
  const auto sink = TraceFileSink::Open(path);
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->Take(OneSpan("a")));
  EXPECT_TRUE((*sink)->Take(OneSpan("b")));
  const std::string text = sys::ReadFile(path).value_or("");
  ASSERT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_TRUE(ParseTraceJson(text.substr(0, text.find('\n'))));
}

}  // namespace
}  // namespace inro::vmm
