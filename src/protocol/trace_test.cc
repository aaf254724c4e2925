// Trace context, the sender, and the trace messages' bytes against libprotobuf's.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "protocol/span_sender.h"
#include "protocol/trace_context.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::protocol {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceParentText, ThereAndBack) {
  const auto parent = ParseTraceParent(kParent);
  ASSERT_TRUE(parent);
  EXPECT_EQ(Hex(parent->trace_id), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(Hex(parent->span_id), "b7ad6b7169203331");
  EXPECT_EQ(parent->flags, 1);
  EXPECT_EQ(FormatTraceParent(*parent), kParent);
  EXPECT_TRUE(ParseTraceParent("cc" + std::string(kParent.substr(2)) + "-what-the-future"));
}

TEST(TraceParentText, WhatIsNone) {
  for (const std::string text :
       {"", "00", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(ParseTraceParent(text)) << text;
  }
}

TEST(TraceIds, AreDerived) {
  const std::string trace = BootTraceId("de305d54-75b4-431b-adb2-eb6b9e546014\n");
  EXPECT_EQ(Hex(trace), "de305d5475b4431badb2eb6b9e546014");
  EXPECT_EQ(BootTraceId("no"), "");
  EXPECT_EQ(DerivedSpanId(trace, "root"), DerivedSpanId(trace, "root"));
  EXPECT_NE(DerivedSpanId(trace, "root"), DerivedSpanId(trace, "rooT"));
  EXPECT_EQ(DerivedSpanId(trace, "root").size(), kSpanIdSize);
}

ExportTraceRequest Full() {
  ExportTraceRequest request;
  ResourceSpans& group = request.resource_spans.emplace_back();
  group.resource.emplace().attributes = {Attribute("text", "x"), Attribute("zero", std::int64_t{0}),
                                         Attribute("empty", "")};
  KeyValue flag{"flag", AnyValue{}};
  flag.value->bool_value = false;
  group.resource->attributes.push_back(flag);
  KeyValue real{"real", AnyValue{}};
  real.value->double_value = Fixed64{0x3ff8000000000000};
  group.resource->attributes.push_back(real);
  ScopeSpans& scope = group.scope_spans.emplace_back();
  scope.scope.emplace().name = "inro";
  Span& span = scope.spans.emplace_back();
  span.trace_id = std::string(16, '\x80');
  span.span_id = std::string(8, '\xff');
  span.name = "span";
  span.kind = SpanKind::kServer;
  span.start_time_unix_nano.value = 0x0102030405060708;
  span.end_time_unix_nano.value = ~std::uint64_t{0};
  span.events.emplace_back().time_unix_nano.value = 5;
  span.links.emplace_back().flags.value = 0x80000001;
  span.status = SpanStatus{"m", StatusCode::kError};
  span.flags.value = 1;
  return request;
}

TEST(TraceMessages, BytesAreThoseOfLibprotobuf) {
  const auto folder = sys::TempDir::Create("inro-proto");
  ASSERT_TRUE(folder);
  const std::string out = folder->path() + "/set";
  const auto ran =
      sys::RunOrFail({"protoc", "-I", INRO_SOURCE_DIR "/proto", "-o", out, "trace.proto"});
  ASSERT_TRUE(ran) << ran.error().ToString();
  pb::FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromString(sys::ReadFile(out).value_or("")));
  pb::DescriptorPool pool;
  for (const auto& file : set.file()) ASSERT_NE(pool.BuildFile(file), nullptr);
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> theirs(
      factory.GetPrototype(pool.FindMessageTypeByName(std::string(ExportTraceRequest::kName)))
          ->New());
  const std::string bytes = Encode(Full());
  ASSERT_TRUE(theirs->ParseFromString(bytes));
  EXPECT_EQ(theirs->SerializeAsString(), bytes);
  EXPECT_EQ(theirs->ByteSizeLong(), bytes.size());
  ExportTraceRequest back;
  ASSERT_TRUE(Decode(bytes, back));
  EXPECT_EQ(Encode(back), bytes);
  const auto& attributes = back.resource_spans[0].resource->attributes;
  EXPECT_EQ(attributes[1].value->int_value, 0);
  EXPECT_EQ(attributes[2].value->string_value, "");
  EXPECT_EQ(attributes[3].value->bool_value, false);
}

// The golden bytes of one small span, written out by hand from the specification.
TEST(TraceMessages, GoldenBytes) {
  Span span;
  span.span_id = "12345678";
  span.name = "n";
  span.start_time_unix_nano.value = 1;
  span.flags.value = 1;
  EXPECT_EQ(Hex(Encode(span)),
            "1208"
            "3132333435363738"
            "2a016e"
            "390100000000000000"
            "850101000000");
}

class SpanSenderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-trace");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    path_ = folder_->path() + "/trace.sock";
  }
  UniqueFd Bind() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path_.c_str());
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  static std::optional<Span> Receive(const UniqueFd& socket) {
    std::array<char, 16384> bytes;
    const ssize_t got = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
    Span span;
    if (got < 0 || !Decode({bytes.data(), static_cast<std::size_t>(got)}, span)) return {};
    return span;
  }
  static Span Named(std::string name) {
    Span span;
    span.span_id = "12345678";
    span.name = std::move(name);
    return span;
  }
  std::optional<sys::TempDir> folder_;
  std::string path_;
};

TEST_F(SpanSenderTest, KeepsSpansUntilTheRoleIsThere) {
  SpanSender sender(path_);
  sender.Send(Named("early"));
  EXPECT_EQ(sender.kept(), 1u);
  auto socket = Bind();
  EXPECT_TRUE(sender.Flush());
  EXPECT_EQ(Receive(socket)->name, "early");
  // The role is started again: another socket under the same name.
  socket = Bind();
  sender.Send(Named("again"));
  EXPECT_EQ(Receive(socket)->name, "again");
}

TEST_F(SpanSenderTest, IsBoundedAndSaysWhatIsLost) {
  SpanSender sender(path_);
  for (std::size_t i = 0; i < SpanSender::kMostSpans + 5; ++i) sender.Send(Named("x"));
  EXPECT_EQ(sender.kept(), SpanSender::kMostSpans);
  EXPECT_EQ(sender.lost(), 5u);
  const auto socket = Bind();
  sender.Send(Named("last"));
  std::optional<Span> span;
  for (int i = 0; i < 10'000 && !(span && span->name == "last"); ++i) {
    sender.Flush();
    if (auto next = Receive(socket)) span = next;
  }
  ASSERT_TRUE(span);
  // One more went when the last came in, or not, as the socket took them.
  EXPECT_GE(NumberAttribute(span->attributes, "inro.lost_before", 0), 1);
}

TEST_F(SpanSenderTest, ASpanThatIsTooLongLosesItsAttributes) {
  const auto socket = Bind();
  SpanSender sender(path_);
  Span big = Named("big");
  big.attributes = {Attribute("a", std::string(kTraceDatagramLimit, 'x'))};
  sender.Send(big);
  const auto span = Receive(socket);
  ASSERT_TRUE(span);
  EXPECT_TRUE(span->attributes.empty());
  EXPECT_EQ(span->dropped_attributes_count, 1u);
}

}  // namespace
}  // namespace inro::protocol
