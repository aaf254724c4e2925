#include "wire/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "wire/client.h"

namespace inro::wire {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Pair {
  UniqueFd server;
  UniqueFd client;
};

Pair MakePair() {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A server on a thread of its own with the methods of the tests:
// Echo answers its payload; Later answers when Release() is called; Block sleeps on a worker;
// Silent drops its responder; Big answers 3 MiB; Meta answers what it knows about the call.
class ServerTest : public testing::Test {
 protected:
  void Start(const Server::Limits& limits = {}) {
    loop_ = Loop::Create().value();
    std::vector<Method> methods = {
        {"t.T", "Echo", Method::Run::kLoop,
         [](Call call, Responder responder) { responder.Reply(std::move(call.request.payload)); }},
        {"t.T", "Later", Method::Run::kLoop,
         [this](Call, Responder responder) {
           const std::lock_guard lock(mutex_);
           kept_.push_back(std::move(responder));
         }},
        {"t.T", "Block", Method::Run::kWorker,
         [this](Call, Responder responder) {
           ++blocked_;
           while (!release_) std::this_thread::sleep_for(1ms);
           responder.Reply("done");
         }},
        {"t.T", "Silent", Method::Run::kLoop, [](Call, Responder) {}},
        {"t.T", "Big", Method::Run::kLoop,
         [this](Call, Responder responder) {
           ++big_answers_;
           responder.Reply(std::string(3 << 20, 'x'));
         }},
        {"t.T", "TooBig", Method::Run::kLoop,
         [](Call, Responder responder) { responder.Reply(std::string(5 << 20, 'x')); }},
        {"t.T", "Meta", Method::Run::kLoop,
         [this](Call call, Responder responder) {
           std::string text;
           for (const auto& [key, value] : call.request.metadata) text += key + "=" + value + ";";
           last_connection_ = call.connection;
           text += call.deadline == Loop::Clock::time_point::max() ? "none" : "deadline";
           responder.Reply(text);
         }},
    };
    server_ = std::make_unique<Server>(*loop_, std::move(methods), limits);
    thread_ = std::thread([this] { loop_->Run(); });
  }

  std::unique_ptr<Client> Connect() {
    Pair pair = MakePair();
    auto socket = std::make_shared<UniqueFd>(std::move(pair.server));
    loop_->Post([this, socket] { EXPECT_TRUE(server_->AddConnection(std::move(*socket))); });
    return std::make_unique<Client>(std::move(pair.client));
  }

  UniqueFd ConnectRaw() {
    Pair pair = MakePair();
    auto socket = std::make_shared<UniqueFd>(std::move(pair.server));
    loop_->Post([this, socket] { EXPECT_TRUE(server_->AddConnection(std::move(*socket))); });
    return std::move(pair.client);
  }

  std::size_t Connections() {
    std::atomic<int> count = -1;
    loop_->Post([&] { count = static_cast<int>(server_->connections()); });
    while (count < 0) std::this_thread::sleep_for(1ms);
    return static_cast<std::size_t>(count);
  }

  std::size_t Kept() {
    const std::lock_guard lock(mutex_);
    return kept_.size();
  }

  void TearDown() override {
    release_ = true;
    loop_->Stop();
    thread_.join();
    server_.reset();
    kept_.clear();
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::atomic<std::uint64_t> last_connection_ = 0;
  std::mutex mutex_;
  std::vector<Responder> kept_;
  std::atomic<int> big_answers_ = 0;
  std::atomic<int> blocked_ = 0;
  std::atomic<bool> release_ = false;
  std::atomic<std::uint64_t> closed_ = 0;
};

TEST_F(ServerTest, AnswersManyCallsOnOneConnection) {
  Start();
  auto client = Connect();
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(client->CallOk("t.T", "Echo", std::to_string(i), 60s).value(), std::to_string(i));
  }
}

TEST_F(ServerTest, UnknownMethodsAndServicesAreUnimplemented) {
  Start();
  auto client = Connect();
  EXPECT_EQ(client->Call("t.T", "Nope", "", 60s)->status.code, Code::kUnimplemented);
  EXPECT_EQ(client->Call("no.S", "Echo", "", 60s)->status.code, Code::kUnimplemented);
  EXPECT_EQ(client->CallOk("t.T", "Echo", "alive", 60s).value(), "alive");
}

TEST_F(ServerTest, ADroppedResponderAnswersInternal) {
  Start();
  auto client = Connect();
  EXPECT_EQ(client->Call("t.T", "Silent", "", 60s)->status.code, Code::kInternal);
}

TEST_F(ServerTest, AnswersComeInAnyOrder) {
  Start();
  auto client = Connect();
  const auto deadline = Client::Clock::now() + 60s;
  const auto later = client->Start({.service = "t.T", .method = "Later"}, deadline).value();
  EXPECT_EQ(client->CallOk("t.T", "Echo", "first", 60s).value(), "first");
  while (Kept() == 0) std::this_thread::sleep_for(1ms);
  kept_[0].Reply("second");
  EXPECT_EQ(client->Finish(later, deadline)->payload, "second");
}

TEST_F(ServerTest, BlockingHandlersDoNotBlockOthers) {
  Start();
  auto client = Connect();
  const auto deadline = Client::Clock::now() + 60s;
  std::vector<Client::Stream> streams;
  for (int i = 0; i < 24; ++i) {
    streams.push_back(client->Start({.service = "t.T", .method = "Block"}, deadline).value());
  }
  while (blocked_ < 24) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(client->CallOk("t.T", "Echo", "quick", 60s).value(), "quick");
  release_ = true;
  for (const auto stream : streams) EXPECT_EQ(client->Finish(stream, deadline)->payload, "done");
}

TEST_F(ServerTest, TheTimeoutOnTheWireIsHonoured) {
  Start();
  auto client = Connect();
  Request request{.service = "t.T", .method = "Later", .payload = {}, .timeout_nano = 20'000'000};
  const auto deadline = Client::Clock::now() + 60s;
  const auto stream = client->Start(request, deadline).value();
  EXPECT_EQ(client->Finish(stream, deadline)->status.code, Code::kDeadlineExceeded);
  // The late answer is dropped, and the connection lives.
  ASSERT_EQ(Kept(), 1u);
  kept_[0].Reply("late");
  EXPECT_EQ(client->CallOk("t.T", "Echo", "alive", 60s).value(), "alive");
}

TEST_F(ServerTest, HandlersSeeMetadataAndDeadline) {
  Start();
  auto client = Connect();
  Request request{.service = "t.T", .method = "Meta"};
  request.metadata = {{"traceparent", "00-ab"}, {"k", "v"}};
  const auto deadline = Client::Clock::now() + 60s;
  auto stream = client->Start(request, deadline).value();
  EXPECT_EQ(client->Finish(stream, deadline)->payload, "traceparent=00-ab;k=v;none");
  EXPECT_EQ(client->CallOk("t.T", "Meta", "", 60s).value(), "deadline");
}

void SendRaw(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(sent, 0);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// The next response frame on a raw connection.
std::pair<std::uint32_t, Response> ReadResponse(int fd) {
  FrameReader reader;
  for (FrameReader::Frame frame;;) {
    char byte = 0;
    if (::recv(fd, &byte, 1, 0) != 1) return {0, {.status = {Code::kUnavailable, "closed"}}};
    std::string_view bytes(&byte, 1);
    if (!reader.Take(bytes, frame)) continue;
    Response response;
    EXPECT_TRUE(Decode(frame.data, response));
    return {frame.header.stream, response};
  }
}

TEST_F(ServerTest, AnOverlongFrameIsDroppedAndAnswered) {
  Start();
  const UniqueFd raw = ConnectRaw();
  std::string header("\x00\x50\x00\x00\x00\x00\x00\x07\x01\x00", 10);  // 5 MiB on stream 7
  SendRaw(raw.get(), header);
  SendRaw(raw.get(), std::string(5 << 20, 'z'));
  const auto [stream, response] = ReadResponse(raw.get());
  EXPECT_EQ(stream, 7u);
  EXPECT_EQ(response.status.code, Code::kResourceExhausted);
  SendRaw(raw.get(),
          EncodeFrame(FrameType::kRequest, 9, Encode(Request{"t.T", "Echo", "still here", 0, {}})));
  EXPECT_EQ(ReadResponse(raw.get()).second.payload, "still here");
}

TEST_F(ServerTest, MalformedRequestsAreAnswered) {
  Start();
  const UniqueFd raw = ConnectRaw();
  SendRaw(raw.get(), EncodeFrame(FrameType::kRequest, 1, "\xff\xff\xff"));
  EXPECT_EQ(ReadResponse(raw.get()).second.status.code, Code::kInvalidArgument);
  SendRaw(raw.get(), EncodeFrame(FrameType::kRequest, 2, Encode(Request{"t.T", "Echo"})));
  EXPECT_EQ(ReadResponse(raw.get()).second.status.code, Code::kInvalidArgument);
  SendRaw(raw.get(), EncodeFrame(FrameType::kData, 5, "x"));
  EXPECT_EQ(ReadResponse(raw.get()).second.status.code, Code::kInvalidArgument);
  const std::string later = EncodeFrame(FrameType::kRequest, 11, Encode(Request{"t.T", "Later"}));
  SendRaw(raw.get(), later + later);
  const auto [stream, response] = ReadResponse(raw.get());
  EXPECT_EQ(stream, 11u);
  EXPECT_THAT(response.status.message, HasSubstr("in use"));
}

TEST_F(ServerTest, ATooLongAnswerBecomesAnError) {
  Start();
  auto client = Connect();
  EXPECT_EQ(client->Call("t.T", "TooBig", "", 60s)->status.code, Code::kResourceExhausted);
}

TEST_F(ServerTest, ASlowClientCostsOnlyItselfAndBoundedMemory) {
  Start({.connections = 8, .calls = 4096, .bytes = 8 << 20, .worker_threads = 2});
  const UniqueFd slow = ConnectRaw();
  // 1000 x 3 MiB of answers asked for and never read: the server must stop reading long before.
  std::string asked;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    asked += EncodeFrame(FrameType::kRequest, 2 * i + 1, Encode(Request{"t.T", "Big"}));
  }
  ::send(slow.get(), asked.data(), asked.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  auto client = Connect();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client->CallOk("t.T", "Echo", "quick", 60s).value(), "quick");
  }
  EXPECT_LE(big_answers_, 4);  // 8 MiB are the limit
  // When the slow client reads after all, it gets every answer.
  for (int i = 0; i < 20; ++i) {
    std::string bytes((3 << 20) + 10 + 5, 0);
    ASSERT_EQ(::recv(slow.get(), bytes.data(), bytes.size(), MSG_WAITALL),
              static_cast<ssize_t>(bytes.size()));
    EXPECT_EQ(DecodeFrameHeader(bytes).stream, static_cast<std::uint32_t>(2 * i + 1));
  }
}

TEST_F(ServerTest, OutstandingCallsPerConnectionAreLimited) {
  Start({.connections = 8, .calls = 4, .bytes = 8 << 20, .worker_threads = 2});
  auto client = Connect();
  const auto deadline = Client::Clock::now() + 60s;
  std::vector<Client::Stream> streams;
  const std::string big(20000, 'p');  // over one read of the server: one call a turn
  for (int i = 0; i < 6; ++i) {
    streams.push_back(
        client->Start({.service = "t.T", .method = "Later", .payload = big}, deadline).value());
  }
  while (Kept() < 4) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);
  EXPECT_LE(Kept(), 5u);
  {
    const std::lock_guard lock(mutex_);
    for (Responder& responder : kept_) responder.Reply("a");
    kept_.clear();
  }
  while (Kept() < 1) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(client->Finish(streams[0], deadline).has_value());
}

TEST_F(ServerTest, AGoneClientIsForgottenAndItsAnswersDropped) {
  Start();
  auto client = Connect();
  ASSERT_TRUE(client->Start({.service = "t.T", .method = "Later"}, Client::Clock::now() + 60s));
  while (Kept() == 0) std::this_thread::sleep_for(1ms);
  client.reset();
  while (Connections() > 0) std::this_thread::sleep_for(1ms);
  kept_[0].Reply("to nobody");
}

TEST_F(ServerTest, SaysWhichConnectionHasEnded) {
  Start();
  loop_->Post(
      [&] { server_->OnClosed([this](std::uint64_t connection) { closed_ = connection; }); });
  const auto stays = Connect();
  auto goes = Connect();
  ASSERT_TRUE(stays->CallOk("t.T", "Meta", "", 60s));
  const std::uint64_t other = last_connection_;
  ASSERT_TRUE(goes->CallOk("t.T", "Meta", "", 60s));
  const std::uint64_t mine = last_connection_;
  EXPECT_NE(mine, other);
  goes.reset();
  for (int i = 0; i < 60'000 && closed_ == 0; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(closed_, mine);
}

TEST_F(ServerTest, KeepsAccountOfCallsWhenAsked) {
  Start();
  std::mutex mutex;
  std::vector<FinishedCall> calls;
  loop_->Post([&] {
    server_->OnFinished([&](const FinishedCall& call) {
      const std::lock_guard lock(mutex);
      calls.push_back(call);
    });
  });
  auto client = Connect();
  const auto stream = client->Start({.service = "t.T",
                                     .method = "Meta",
                                     .payload = {},
                                     .timeout_nano = 0,
                                     .metadata = {{"traceparent", "x"}}},
                                    Client::Clock::now() + 60s);
  ASSERT_TRUE(stream);
  ASSERT_TRUE(client->Finish(*stream, Client::Clock::now() + 60s));
  const std::lock_guard lock(mutex);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].service, "t.T");
  EXPECT_EQ(calls[0].method, "Meta");
  ASSERT_EQ(calls[0].metadata.size(), 1u);
  EXPECT_EQ(calls[0].metadata[0].second, "x");
  EXPECT_TRUE(calls[0].status.ok());
  EXPECT_GE(calls[0].end, calls[0].start);
}

TEST_F(ServerTest, ClientThreadsShareOneConnection) {
  Start();
  auto client = Connect();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string text = std::to_string(t * 1000 + i);
        const auto answer = client->CallOk("t.T", "Echo", text, 60s);
        if (answer && *answer == text) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 800);
}

TEST_F(ServerTest, ListensOnAnAbstractSocketAndCountsRefusals) {
  Start();
  const Address address{.kind = Address::Kind::kAbstract,
                        .cid = 0,
                        .port = 0,
                        .path = "inro-wire-test-" + std::to_string(::getpid())};
  std::atomic<bool> served = false;
  loop_->Post([&] {
    EXPECT_TRUE(server_->Serve(Listen(address).value()));
    served = true;
  });
  while (!served) std::this_thread::sleep_for(1ms);
  auto client = Client::Connect(address, 60s).value();
  EXPECT_EQ(client->CallOk("t.T", "Echo", "hello", 60s).value(), "hello");
}

TEST_F(ServerTest, TheClientSaysTimeoutAndClosed) {
  Start();
  Pair pair = MakePair();
  Client client(std::move(pair.client));
  EXPECT_EQ(client.Call("t.T", "Echo", "", 20ms).error().kind(), ErrorKind::kTimeout);
  pair.server.reset();
  EXPECT_EQ(client.Call("t.T", "Echo", "", 60s).error().kind(), ErrorKind::kClosed);
  EXPECT_FALSE(client.alive());
}

TEST(PeerPolicy, AGuestAcceptsOnlyTheHost) {
  EXPECT_TRUE(GuestAccepts({.vsock = true, .cid = 2}));
  for (const std::uint32_t cid : {0u, 1u, 3u, 42u, kAnyCid}) {
    EXPECT_FALSE(GuestAccepts({.vsock = true, .cid = cid})) << cid;
  }
  EXPECT_TRUE(GuestAccepts({.vsock = false, .cid = 0}));
}

}  // namespace
}  // namespace inro::wire
