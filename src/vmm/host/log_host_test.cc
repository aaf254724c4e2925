// The host's side of logs: entries, filters, texts, the stream with its reconnections, and export.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "protocol/control_message.h"
#include "protocol/log_message.h"
#include "vmm/host/log_entry.h"
#include "vmm/host/log_filter.h"
#include "vmm/host/log_otlp.h"
#include "vmm/host/log_stream.h"
#include "wire/server.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Line(std::uint64_t seq, std::string_view more = "") {
  return fmt::format(
      R"({{"msg":"m{0}","level":"WARN","ts":"2026-11-24T10:00:00.5Z","pid":"7","name":"chronyd",)"
      R"("source":"syslog","unit":"chrony.service","priority":4,"seq":{0},"monotonic_us":{0}0{1}}})",
      seq, more);
}

TEST(LogEntry, TakesALineApart) {
  const LogEntry entry = ParseLogEntry(Line(3, R"(,"KEY":"v","n":1.5,"lost":9)"));
  EXPECT_EQ(entry.message, "m3");
  EXPECT_EQ(entry.time_us, 1'795'514'400'500'000u);
  EXPECT_EQ(entry.unit, "chrony.service");
  EXPECT_EQ(entry.pid, 7u);
  EXPECT_EQ(entry.priority, 4);
  EXPECT_EQ(entry.seq, 3u);
  EXPECT_EQ(entry.lost, 9u);
  EXPECT_THAT(entry.fields, Contains(std::pair<std::string, std::string>("KEY", "v")));
  EXPECT_EQ(ParseLogEntry("plain text").message, "plain text");
  EXPECT_EQ(ParseLogEntry(R"({"msg":"k","level":"ERRO"})").priority, 3);
}

TEST(LogEntry, Times) {
  EXPECT_EQ(ParseLogTime("1970-01-01T00:00:01Z"), 1'000'000u);
  EXPECT_EQ(ParseLogTime("1970-01-01 01:00:01.25+01:00"), 1'250'000u);
  EXPECT_NE(ParseLogTime("2026-11-24 10:00"), 0u);
  EXPECT_NE(ParseLogTime("2026-11-24"), 0u);
  for (const char* text : {"", "yesterday", "2026-13-01", "2026-11-24T1", "2026-11-24T10:00Zx"}) {
    EXPECT_EQ(ParseLogTime(text), 0u) << text;
  }
}

bool Wanted(const LogFilterWords& words, const LogEntry& entry) {
  const auto filter = LogFilter::Create(words, entry.time_us + 60'000'000);
  EXPECT_TRUE(filter) << filter.error().ToString();
  return filter && filter->Wants(entry);
}

TEST(LogFilter, EachWordCounts) {
  const LogEntry entry = ParseLogEntry(Line(1));
  EXPECT_TRUE(Wanted({}, entry));
  EXPECT_TRUE(Wanted({.units = {"nginx", "chrony"}}, entry));
  EXPECT_TRUE(Wanted({.units = {"chr*.service"}}, entry));
  EXPECT_FALSE(Wanted({.units = {"nginx"}}, entry));
  EXPECT_TRUE(Wanted({.sources = {"syslog"}}, entry));
  EXPECT_FALSE(Wanted({.sources = {"kernel", "agent"}}, entry));
  EXPECT_TRUE(Wanted({.level = "warning"}, entry));
  EXPECT_FALSE(Wanted({.level = "error"}, entry));
  EXPECT_TRUE(Wanted({.since = "2m"}, entry));
  EXPECT_FALSE(Wanted({.since = "30s"}, entry));
  EXPECT_FALSE(Wanted({.since = "2026-11-24T10:00:01Z"}, entry));
  EXPECT_TRUE(Wanted({.grep = "^m[0-9]$"}, entry));
  EXPECT_FALSE(Wanted({.grep = "x"}, entry));
  const LogEntry loss = ParseLogEntry(R"({"msg":"l","level":"WARN","source":"logs","lost":5})");
  EXPECT_TRUE(Wanted({.units = {"nginx"}, .grep = "x"}, loss));
}

TEST(LogFilter, WrongWordsAreBadInput) {
  for (const LogFilterWords& words :
       {LogFilterWords{.sources = {"kernal"}}, LogFilterWords{.level = "loud"},
        LogFilterWords{.since = "soon"}, LogFilterWords{.grep = "("}}) {
    const auto filter = LogFilter::Create(words, 0);
    ASSERT_FALSE(filter);
    EXPECT_EQ(filter.error().kind(), ErrorKind::kBadInput);
  }
}

TEST(LogText, AGuestCannotSteerTheTerminal) {
  LogEntry entry = ParseLogEntry(Line(1));
  entry.message = "a\x1b[2J\x07\xc2\x9b\xff\nsecond \xc3\xa9";
  const std::string text = FormatLogEntry(entry, LogStyle::kText, false);
  EXPECT_THAT(
      text,
      HasSubstr("chrony.service chronyd[7]: a\\x1b[2J\\x07\\x9b\\xff\n    second \xc3\xa9\n"));
  EXPECT_THAT(text, HasSubstr(":00.500 "));
  EXPECT_EQ(FormatLogEntry(ParseLogEntry(Line(2)), LogStyle::kShort, false), "WARN chrony: m2\n");
  EXPECT_THAT(FormatLogEntry(entry, LogStyle::kText, true), HasSubstr("\x1b[1;33m"));
}

// A guest: a control port with the service Logs over some lines, and a raw port.
class FakeGuest {
 public:
  FakeGuest() {
    loop_ = std::move(*wire::Loop::Create());
    server_ = std::make_unique<wire::Server>(
        *loop_,
        std::vector<wire::Method>{{protocol::kLogService, "Read", wire::Method::Run::kWorker,
                                   [this](wire::Call call, wire::Responder responder) {
                                     Answer(call, std::move(responder));
                                   }}});
    thread_ = std::thread([this] { loop_->Run(); });
  }
  ~FakeGuest() {
    loop_->Post([this] { server_.reset(); });
    loop_->Stop();
    thread_.join();
  }

  LogStream::Dial Dial() {
    return [this](std::uint32_t port, milliseconds) -> Result<UniqueFd> {
      const std::lock_guard lock(mutex_);
      dialled_.push_back(port);
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return Fail("no pair");
      UniqueFd ours(ends[0]);
      UniqueFd theirs(ends[1]);
      if (port == protocol::kControlPort && control_) {
        ::fcntl(theirs.get(), F_SETFL, O_NONBLOCK);
        loop_->Post([this, fd = theirs.release()] { (void)server_->AddConnection(UniqueFd(fd)); });
        return ours;
      }
      if (port == raw_port_) {
        std::string all;
        for (const std::string& line : lines_) all += line + "\n";
        EXPECT_EQ(::send(theirs.get(), all.data(), all.size(), 0),
                  static_cast<ssize_t>(all.size()));
        return ours;  // and hangs up
      }
      return FailAs(ErrorKind::kClosed, "refused");
    };
  }

  std::mutex mutex_;
  std::vector<std::string> lines_;
  bool control_ = true;
  std::uint32_t raw_port_ = 0;
  std::vector<std::uint32_t> dialled_;

 private:
  void Answer(const wire::Call& call, wire::Responder responder) {
    protocol::LogReadRequest request;
    EXPECT_TRUE(protocol::Decode(call.request.payload, request));
    protocol::LogReadResponse response;
    {
      const std::lock_guard lock(mutex_);
      response.host_port = raw_port_;
      for (const std::string& line : lines_) {
        if (ParseLogEntry(line).seq > request.after_seq) response.lines.push_back(line);
      }
    }
    responder.Reply(protocol::Encode(response));
  }

  std::unique_ptr<wire::Loop> loop_;
  std::unique_ptr<wire::Server> server_;
  std::thread thread_;
};

struct Collected {
  std::vector<std::string> messages;
  std::vector<std::string> notes;
  Result<> Run(LogStream& stream) {
    return stream.Run(
        [this](std::string_view line) { messages.push_back(ParseLogEntry(line).message); },
        [this](std::string_view note) { notes.emplace_back(note); });
  }
};

TEST(LogStream, NotFollowingReadsWhatIsKept) {
  FakeGuest guest;
  guest.lines_ = {Line(5), Line(6), Line(9)};
  LogStream stream(guest.Dial(), {.follow = false});
  Collected got;
  const auto ran = got.Run(stream);
  EXPECT_TRUE(ran) << ran.error().ToString();
  EXPECT_THAT(got.messages, ElementsAre("m5", "m6", "m9"));
  EXPECT_THAT(got.notes, ElementsAre("2 records are missing"));
}

TEST(LogStream, FollowsByTheCollectorsOwnPortAndTakesNothingTwice) {
  FakeGuest guest;
  guest.lines_ = {Line(1), Line(2)};
  guest.raw_port_ = 1025;
  int looks = 0;
  LogStreamOptions options{.retry_every = milliseconds(10)};
  options.exists = [&] {
    // The guest's stream has ended: first it comes back with more, then it is gone.
    const std::lock_guard lock(guest.mutex_);
    guest.lines_.push_back(Line(3));
    return ++looks < 2;
  };
  LogStream stream(guest.Dial(), std::move(options));
  Collected got;
  EXPECT_TRUE(got.Run(stream));
  EXPECT_THAT(got.messages, ElementsAre("m1", "m2", "m3"));
  EXPECT_THAT(guest.dialled_, ElementsAre(10124, 1025, 10124, 1025));
}

TEST(LogStream, AGuestThatWasStartedAgainIsReadFromItsBeginning) {
  FakeGuest guest;
  guest.control_ = false;
  guest.raw_port_ = 1025;
  guest.lines_ = {Line(1, ",\"boot\":1"), Line(2, ",\"boot\":1")};
  int looks = 0;
  LogStreamOptions options{.retry_every = milliseconds(10)};
  options.exists = [&] {
    const std::lock_guard lock(guest.mutex_);
    guest.lines_ = {Line(1, ",\"boot\":2")};
    return ++looks < 2;
  };
  LogStream stream(guest.Dial(), std::move(options));
  Collected got;
  EXPECT_TRUE(got.Run(stream));
  EXPECT_THAT(got.messages, ElementsAre("m1", "m2", "m1"));
  EXPECT_THAT(got.notes, Contains(HasSubstr("begins anew")));
}

TEST(LogStream, NobodyThereIsAnError) {
  FakeGuest guest;
  guest.control_ = false;
  LogStream stream(guest.Dial(), {.retry_every = milliseconds(10), .patience = milliseconds(50)});
  Collected got;
  const auto ran = got.Run(stream);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind(), ErrorKind::kClosed);
  EXPECT_THAT(got.messages, IsEmpty());
}

TEST(Otlp, BodyIsThatOfTheSpecification) {
  LogEntry entry = ParseLogEntry(Line(4, R"(,"KEY":"v")"));
  const auto json = nlohmann::json::parse(EncodeOtlpLogs("debian", std::span(&entry, 1)));
  const auto& resource = json["resourceLogs"][0];
  EXPECT_EQ(resource["resource"]["attributes"][1]["value"]["stringValue"], "debian");
  const auto& record = resource["scopeLogs"][0]["logRecords"][0];
  EXPECT_EQ(record["timeUnixNano"], "1795514400500000000");
  EXPECT_EQ(record["severityNumber"], 13);
  EXPECT_EQ(record["severityText"], "WARN");
  EXPECT_EQ(record["body"]["stringValue"], "m4");
  EXPECT_THAT(record["attributes"].dump(),
              HasSubstr(R"({"key":"systemd.unit","value":{"stringValue":"chrony.service"}})"));
  EXPECT_THAT(record["attributes"].dump(),
              HasSubstr(R"({"key":"process.pid","value":{"intValue":"7"}})"));
}

TEST(Otlp, Urls) {
  EXPECT_EQ(OtlpLogUrl("http://h:4318").value_or(""), "http://h:4318/v1/logs");
  EXPECT_EQ(OtlpLogUrl("https://h/").value_or(""), "https://h/v1/logs");
  EXPECT_EQ(OtlpLogUrl("http://h/own").value_or(""), "http://h/own");
  EXPECT_FALSE(OtlpLogUrl("h:4318"));
  EXPECT_FALSE(OtlpLogUrl("http://"));
}

// An HTTP server that answers each request with the next of its statuses, the last one for ever.
class FakeCollector {
 public:
  explicit FakeCollector(std::vector<int> statuses) : statuses_(std::move(statuses)) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    url_ = fmt::format("http://127.0.0.1:{}/v1/logs", ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeCollector() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  const std::string& url() const { return url_; }
  std::size_t records() const { return records_; }
  int requests() const { return requests_; }

 private:
  void Serve() {
    while (true) {
      const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) return;
      std::string bytes;
      char buffer[65536];
      std::size_t need = std::string::npos;
      while (need == std::string::npos || bytes.size() < need) {
        const ssize_t size = ::recv(connection.get(), buffer, sizeof buffer, 0);
        if (size <= 0) break;
        bytes.append(buffer, static_cast<std::size_t>(size));
        const std::size_t head = bytes.find("\r\n\r\n");
        const std::size_t length = bytes.find("Content-Length: ");
        if (head != std::string::npos && length != std::string::npos) {
          need = head + 4 + std::stoul(bytes.substr(length + 16));
        }
        if (bytes.find("Expect: 100-continue") != std::string::npos && need != std::string::npos &&
            bytes.size() < need) {
          constexpr std::string_view kGo = "HTTP/1.1 100 Continue\r\n\r\n";
          EXPECT_GT(::send(connection.get(), kGo.data(), kGo.size(), MSG_NOSIGNAL), 0);
        }
      }
      const auto at =
          std::min<std::size_t>(static_cast<std::size_t>(requests_), statuses_.size() - 1);
      const int status = statuses_[at];
      ++requests_;
      if (status == 200) {
        const auto json = nlohmann::json::parse(bytes.substr(bytes.find("\r\n\r\n") + 4));
        records_ += json["resourceLogs"][0]["scopeLogs"][0]["logRecords"].size();
      }
      const std::string answer = fmt::format(
          "HTTP/1.1 {} x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}", status);
      EXPECT_GT(::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL), 0);
    }
  }

  std::vector<int> statuses_;
  UniqueFd listener_;
  std::string url_;
  std::atomic<std::size_t> records_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

TEST(Otlp, SendsInBatchesAndTriesAgain) {
  FakeCollector collector({503, 429, 200});
  {
    OtlpLogExporter exporter(collector.url(), {.guest = "g",
                                               .batch = 10,
                                               .gather = milliseconds(60'000),
                                               .retry_first = milliseconds(10)});
    for (std::uint64_t i = 1; i <= 25; ++i) exporter.Add(ParseLogEntry(Line(i)));
  }
  EXPECT_EQ(collector.records(), 25u);
  EXPECT_EQ(collector.requests(), 5);
}

TEST(Otlp, WhatIsRefusedOrTooMuchIsSaid) {
  FakeCollector refusing({400});
  std::vector<std::string> notes;
  std::mutex mutex;
  const auto note = [&](std::string_view text) {
    const std::lock_guard lock(mutex);
    notes.emplace_back(text);
  };
  {
    OtlpLogExporter exporter(refusing.url(), {.gather = milliseconds(1), .note = note});
    exporter.Add(ParseLogEntry(Line(1)));
  }
  EXPECT_THAT(notes, Contains(HasSubstr("1 records dropped")));
  notes.clear();
  {
    // Nobody listens there.
    OtlpLogExporter exporter(
        "http://127.0.0.1:1/v1/logs",
        {.queue = 5, .gather = milliseconds(1), .end_limit = milliseconds(100), .note = note});
    for (std::uint64_t i = 1; i <= 50; ++i) exporter.Add(ParseLogEntry(Line(i)));
    EXPECT_GE(exporter.dropped(), 40u);
  }
  const std::lock_guard lock(mutex);
  EXPECT_THAT(notes, Contains(HasSubstr("records dropped")));
}

// A collector that has a request and stalls: the end does not wait for the request's own limit.
TEST(Otlp, TheEndIsNotHeldUpBeyondItsLimit) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 16), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  UniqueFd connection;  // held until the end
  const auto begun = std::chrono::steady_clock::now();
  {
    OtlpLogExporter exporter(fmt::format("http://127.0.0.1:{}/v1/logs", ntohs(address.sin_port)),
                             {.gather = milliseconds(1),
                              .limits = {milliseconds(600'000), milliseconds(600'000)},
                              .end_limit = milliseconds(100)});
    exporter.Add(ParseLogEntry(Line(1)));
    connection.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(connection);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
}

}  // namespace
}  // namespace inro::vmm
