// The collector with real sockets in a folder of its own.
#include "guest/logs/collector.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <thread>

#include "sys/file.h"
#include "wire/address.h"

namespace inro::guest::logs {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class CollectorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-logs");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    ASSERT_TRUE(sys::MakeDirectories(folder_->path() + "/dev"));
    settings_.state_path = folder_->path() + "/state.json";
  }
  void TearDown() override { Stop(); }

  void Begin(std::size_t ring_bytes = 1 << 20) {
    auto loop = wire::Loop::Create();
    ASSERT_TRUE(loop);
    loop_ = std::move(*loop);
    Endpoints endpoints = std::move(kept_);
    EXPECT_THAT(BindMissing({.root = folder_->path()}, endpoints), IsEmpty());
    auto ring = endpoints.ring ? Ring::Adopt(std::move(endpoints.ring)) : Ring::Create(ring_bytes);
    ASSERT_TRUE(ring) << ring.error().ToString();
    collector_ = std::make_unique<Collector>(*loop_, std::move(*ring), settings_);
    collector_->Begin(std::move(endpoints), std::move(kmsg_));
    thread_ = std::thread([this] { loop_->Run(); });
  }
  void Stop() {
    if (!thread_.joinable()) return;
    loop_->Stop();
    thread_.join();
    collector_.reset();
  }

  std::string Path(const char* name) const { return folder_->path() + name; }

  UniqueFd Datagram(const char* name) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    const std::string path = Path(name);
    std::memcpy(to.sun_path, path.data(), path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0) << path;
    return fd;
  }
  static void Send(int fd, std::string_view bytes) {
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  UniqueFd Reader(std::uint64_t after = 0) const {
    auto fd =
        wire::Connect({.kind = wire::Address::Kind::kUnix, .path = Path("/run/inro/logs.sock")},
                      milliseconds(60'000));
    EXPECT_TRUE(fd) << fd.error().ToString();
    Send(fd->get(), fmt::format("AFTER {}\n", after));
    return std::move(*fd);
  }
  // The next `count` lines, or as many as come within a minute; all until the end for count 0.
  // Reads no byte behind them.
  static std::vector<std::string> Lines(int fd, std::size_t count) {
    std::vector<std::string> lines;
    char buffer[8192];
    std::string line;
    while (count == 0 || lines.size() < count) {
      pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 60'000) <= 0) break;
      const ssize_t seen = ::recv(fd, buffer, sizeof buffer, MSG_PEEK);
      if (seen <= 0) break;
      const std::string_view bytes(buffer, static_cast<std::size_t>(seen));
      const std::size_t end = bytes.find('\n');
      const std::size_t size = end == bytes.npos ? bytes.size() : end + 1;
      line += bytes.substr(0, size);
      if (::recv(fd, buffer, size, 0) != static_cast<ssize_t>(size)) break;
      if (end == bytes.npos) continue;
      line.pop_back();
      if (!line.empty()) lines.push_back(std::move(line));
      line.clear();
    }
    return lines;
  }

  std::optional<sys::TempDir> folder_;
  CollectorSettings settings_;
  Endpoints kept_;
  UniqueFd kmsg_;
  std::unique_ptr<wire::Loop> loop_;
  std::unique_ptr<Collector> collector_;
  std::thread thread_;
};

TEST_F(CollectorTest, SyslogHasPidAndIdentifier) {
  Begin();
  const UniqueFd reader = Reader();
  const UniqueFd socket = Datagram("/dev/log");
  Send(socket.get(), "<11>Nov 24 10:00:00 app[1]: something broke");
  const auto lines = Lines(reader.get(), 1);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("\"msg\":\"something broke\",\"level\":\"ERRO\""));
  // Whatever the line claims: the kernel knows who sent it.
  EXPECT_THAT(lines[0], HasSubstr(fmt::format("\"pid\":\"{}\",\"name\":\"app\"", ::getpid())));
  EXPECT_THAT(lines[0], HasSubstr("\"source\":\"syslog\""));
}

TEST_F(CollectorTest, NativeByDatagramAndByMemoryFile) {
  Begin();
  const UniqueFd reader = Reader();
  const UniqueFd socket = Datagram("/run/systemd/journal/socket");
  Send(socket.get(), "MESSAGE=one\nPRIORITY=4\nSYSLOG_IDENTIFIER=n\nUSER_KEY=v\n_UID=0\n");

  const UniqueFd file(::memfd_create("entry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const std::string entry = "MESSAGE=two\nBIG=" + std::string(30'000, 'z') + "\n";
  ASSERT_TRUE(sys::WriteAll(file.get(), entry, "memfd"));
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = file.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ASSERT_EQ(::sendmsg(socket.get(), &message, 0), 0);

  const auto lines = Lines(reader.get(), 2);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("\"msg\":\"one\",\"level\":\"WARN\""));
  EXPECT_THAT(lines[0], HasSubstr("\"USER_KEY\":\"v\""));
  EXPECT_THAT(lines[0], Not(HasSubstr("_UID")));
  EXPECT_THAT(lines[1], HasSubstr("\"msg\":\"two\""));
  EXPECT_THAT(lines[1], HasSubstr("\"fields_left_out\":1"));
}

TEST_F(CollectorTest, OutputOfAServiceAndTheAgentsLines) {
  Begin();
  const UniqueFd reader = Reader();
  auto service = wire::Connect(
      {.kind = wire::Address::Kind::kUnix, .path = Path("/run/systemd/journal/stdout")},
      milliseconds(60'000));
  ASSERT_TRUE(service);
  Send(service->get(), "kata-agent\nkata-agent.service\n6\n1\n0\n0\n0\nplain\n");
  Send(service->get(),
       "{\"msg\":\"listening\",\"level\":\"INFO\",\"ts\":\"2026-11-24T10:00:00.5Z\",\"pid\":\"77\","
       "\"name\":\"kata-agent\",\"source\":\"agent\",\"subsystem\":\"rpc\",\"version\":\"9\"}\n"
       "{\"msg\":\"hidden\",\"level\":\"DEBG\",\"source\":\"agent\"}\nlast");
  service->reset();
  const auto lines = Lines(reader.get(), 3);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], HasSubstr("\"msg\":\"plain\""));
  EXPECT_THAT(lines[0], HasSubstr("\"source\":\"stdout\""));
  // Of a unit only the init, which is root, is believed.
  EXPECT_EQ(lines[0].find("\"unit\":\"kata-agent.service\"") != std::string::npos,
            ::geteuid() == 0);
  EXPECT_THAT(lines[1], HasSubstr("\"msg\":\"listening\",\"level\":\"INFO\",\"pid\":\"77\""));
  EXPECT_THAT(lines[1], HasSubstr("\"source\":\"agent\""));
  EXPECT_THAT(lines[1], HasSubstr("\"ts\":\"2026-11-24T10:00:00.5Z\""));
  EXPECT_THAT(lines[1], HasSubstr("\"version\":\"9\""));
  // agent.log is info: the debug line is not there.
  EXPECT_THAT(lines[2], HasSubstr("\"msg\":\"last\""));
}

TEST_F(CollectorTest, KernelRecordsGapsAndRestarts) {
  // A packet socket stands for the device: one record a read.
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
  const UniqueFd kernel(ends[0]);
  kmsg_.reset(ends[1]);
  Send(kernel.get(), "6,0,1000,-;Linux version\n");
  Send(kernel.get(), "5,4,2000,-;later\n");
  Begin();
  const UniqueFd reader = Reader();
  const auto lines = Lines(reader.get(), 3);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], HasSubstr("\"msg\":\"Linux version\""));
  EXPECT_THAT(lines[0], HasSubstr("\"source\":\"kernel\""));
  EXPECT_THAT(lines[0], HasSubstr("\"monotonic_us\":1000"));
  EXPECT_THAT(lines[1], HasSubstr("\"lost\":3"));
  EXPECT_THAT(lines[2], HasSubstr("\"msg\":\"later\""));

  // A new process with the kept ring: old records stay and are not taken twice.
  kept_.ring.reset(::fcntl(collector_->ring().file(), F_DUPFD_CLOEXEC, 3));
  Stop();
  int again[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, again), 0);
  const UniqueFd next(again[0]);
  kmsg_.reset(again[1]);
  Send(next.get(), "6,0,1000,-;Linux version\n");
  Send(next.get(), "5,4,2000,-;later\n");
  Send(next.get(), "5,5,3000,-;new\n");
  Begin();
  const UniqueFd second = Reader();
  const auto all = Lines(second.get(), 4);
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_EQ(all[0], lines[0]);
  EXPECT_EQ(all[2], lines[2]);
  EXPECT_THAT(all[3], HasSubstr("\"msg\":\"new\""));
  EXPECT_THAT(all[3], HasSubstr("\"seq\":4"));
}

// LogLevelMax=, of a unit that only the init can name.
TEST_F(CollectorTest, LessSevereLinesOfAUnitAreLeftOut) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root is believed when it names a unit";
  settings_.intake.units_folder = Path("");
  Begin();
  const std::string link = Path("/log-level-max:quiet.service");
  ASSERT_EQ(::symlink("4", link.c_str()), 0);
  const UniqueFd reader = Reader();
  auto service = wire::Connect(
      {.kind = wire::Address::Kind::kUnix, .path = Path("/run/systemd/journal/stdout")},
      milliseconds(60'000));
  ASSERT_TRUE(service);
  Send(service->get(), "quiet\nquiet.service\n6\n1\n0\n0\n0\ninformed\n<4>warned\n<3>failed\n");
  service->reset();
  const auto lines = Lines(reader.get(), 2);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("\"msg\":\"warned\""));
  EXPECT_THAT(lines[1], HasSubstr("\"msg\":\"failed\""));
}

TEST_F(CollectorTest, TwoReadersGetTheSameAndAfterSkips) {
  Begin();
  const UniqueFd socket = Datagram("/dev/log");
  for (int i = 0; i < 50; ++i) Send(socket.get(), fmt::format("<14>t: line {}", i));
  const UniqueFd first = Reader();
  const UniqueFd second = Reader();
  const auto one = Lines(first.get(), 50);
  EXPECT_THAT(one, SizeIs(50));
  EXPECT_EQ(one, Lines(second.get(), 50));
  const UniqueFd third = Reader(48);
  EXPECT_THAT(Lines(third.get(), 2), ElementsAre(one[48], one[49]));
}

TEST_F(CollectorTest, ASlowReaderLosesAndIsToldAndHoldsUpNobody) {
  settings_.intake.rate_burst = 0;
  settings_.flush_limit = milliseconds(60'000);
  Begin(kSmallestRing);
  const UniqueFd slow = Reader();
  const UniqueFd quick = Reader();
  const UniqueFd socket = Datagram("/dev/log");
  constexpr int kLines = 20'000;
  std::vector<std::string> got;
  std::thread reading([&] { got = Lines(quick.get(), 0); });
  const std::string padding(80, 'p');
  // This ends only because nobody waits for the slow one.
  for (int i = 0; i < kLines; ++i) Send(socket.get(), fmt::format("<14>t: {} {}", i, padding));
  // The slow one reads only now: what its buffers took, then what it has lost.
  std::uint64_t slow_lost = 0;
  std::size_t slow_lines = 0;
  while (slow_lost == 0 && slow_lines < static_cast<std::size_t>(kLines)) {
    const auto line = Lines(slow.get(), 1);
    ASSERT_THAT(line, SizeIs(1));
    ++slow_lines;
    if (line[0].find("this reader was too slow") == std::string::npos) continue;
    slow_lost = std::stoull(line[0].substr(line[0].find("\"lost\":") + 7));
  }
  EXPECT_GT(slow_lost, 1000u);
  loop_->Post([&] { collector_->Finish([&] { loop_->Stop(); }); });
  Lines(slow.get(), 0);
  reading.join();
  // What the quick one has is complete, or it says what it lacks.
  std::uint64_t accounted = 0;
  for (const std::string& line : got) {
    const std::size_t lost = line.find("\"lost\":");
    accounted += lost == std::string::npos ? 1 : std::stoull(line.substr(lost + 7));
  }
  EXPECT_EQ(accounted, static_cast<std::uint64_t>(kLines));
}

TEST_F(CollectorTest, FloodIsLimitedAndSaid) {
  settings_.intake.rate_burst = 100;
  Begin();
  const UniqueFd socket = Datagram("/dev/log");
  for (int i = 0; i < 300; ++i) Send(socket.get(), fmt::format("<14>flood: {}", i));
  const UniqueFd reader = Reader();
  EXPECT_THAT(Lines(reader.get(), 100), SizeIs(100));
  loop_->Post([&] { collector_->Finish([&] { loop_->Stop(); }); });
  const auto rest = Lines(reader.get(), 0);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_THAT(rest[0], HasSubstr("200 records of"));
  EXPECT_THAT(rest[0], HasSubstr("\"lost\":200"));
}

TEST_F(CollectorTest, TheEndLosesNothing) {
  Begin();
  const UniqueFd reader = Reader();
  const UniqueFd socket = Datagram("/dev/log");
  auto service = wire::Connect(
      {.kind = wire::Address::Kind::kUnix, .path = Path("/run/systemd/journal/stdout")},
      milliseconds(60'000));
  ASSERT_TRUE(service);
  Send(service->get(), "app\n\n6\n0\n0\n0\n0\nbefore\n");
  std::promise<void> begun, said;
  loop_->Post([&] {
    collector_->Finish([&] { loop_->Stop(); });
    begun.set_value();
    said.get_future().wait();
  });
  // What is still said while the end goes on.
  begun.get_future().wait();
  Send(service->get(), "during\n");
  Send(socket.get(), "<14>t: last words");
  said.set_value();
  const auto lines = Lines(reader.get(), 0);
  EXPECT_THAT(lines, UnorderedElementsAre(HasSubstr("before"), HasSubstr("during"),
                                          HasSubstr("last words")));
}

TEST_F(CollectorTest, AReaderThatHangsCannotHoldUpTheEnd) {
  settings_.intake.rate_burst = 0;
  settings_.flush_limit = milliseconds(200);
  Begin();
  const UniqueFd reader = Reader();
  const UniqueFd socket = Datagram("/dev/log");
  for (int i = 0; i < 5000; ++i) Send(socket.get(), "<14>t: " + std::string(200, 'x'));
  loop_->Post([&] { collector_->Finish([&] { loop_->Stop(); }); });
  thread_.join();  // else this waits for ever
  EXPECT_GT(collector_->readers().size(), 0u);
  collector_.reset();
}

TEST_F(CollectorTest, StateIsShown) {
  Begin();
  const UniqueFd socket = Datagram("/dev/log");
  Send(socket.get(), "<14>t: one");
  std::string state;
  for (int i = 0; i < 600 && state.find("\"records\":1") == std::string::npos; ++i) {
    std::this_thread::sleep_for(milliseconds(100));
    state = sys::ReadFile(settings_.state_path).value_or("");
  }
  EXPECT_THAT(state, HasSubstr("\"records\":1,\"kept\":1"));
}

TEST_F(CollectorTest, JournaldKeepsItsSocketsAndForwards) {
  ASSERT_TRUE(sys::MakeDirectories(Path("/usr/lib/systemd")));
  ASSERT_TRUE(sys::WriteFile(Path("/usr/lib/systemd/systemd-journald"), ""));
  Begin();
  EXPECT_FALSE(sys::Exists(Path("/run/systemd/journal/dev-log")));
  EXPECT_FALSE(sys::Exists(Path("/run/systemd/journal/stdout")));
  const UniqueFd reader = Reader();
  const UniqueFd socket = Datagram("/run/systemd/journal/syslog");
  Send(socket.get(), "<30>Nov 24 10:00:00 svc[5]: forwarded");
  const auto lines = Lines(reader.get(), 1);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("\"msg\":\"forwarded\""));
  EXPECT_THAT(lines[0], HasSubstr("\"source\":\"journal\""));
}

// rsyslog's socket, as systemd-journald would feed it; the kernel's lines it reads itself.
TEST_F(CollectorTest, ASyslogDaemonGetsTheRecordsToo) {
  settings_.syslog_path = Path("/daemon");
  const UniqueFd daemon(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, settings_.syslog_path.data(), settings_.syslog_path.size());
  ASSERT_EQ(::bind(daemon.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  Begin();
  const UniqueFd reader = Reader();
  const UniqueFd socket = Datagram("/dev/log");
  Send(socket.get(), "<86>Nov 24 10:00:00 sshd[1]: session opened");
  const UniqueFd native = Datagram("/run/systemd/journal/socket");
  Send(native.get(), "MESSAGE=by the journal\nSYSLOG_IDENTIFIER=app\nPRIORITY=3\n");
  EXPECT_THAT(Lines(reader.get(), 2), SizeIs(2));
  std::vector<std::string> got;
  for (int i = 0; i < 2; ++i) {
    pollfd waiting{.fd = daemon.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&waiting, 1, 60'000), 1);
    char bytes[512];
    const ssize_t size = ::recv(daemon.get(), bytes, sizeof bytes, 0);
    ASSERT_GT(size, 0);
    got.emplace_back(bytes, static_cast<std::size_t>(size));
  }
  EXPECT_EQ(got[0], "<86>Nov 24 10:00:00 sshd[1]: session opened");
  EXPECT_THAT(got[1], ::testing::AllOf(::testing::StartsWith("<27>"),
                                       ::testing::EndsWith("]: by the journal")));
}

TEST(Endpoints, PassedDescriptorsAreToldApart) {
  auto folder = sys::TempDir::Create("inro-logs");
  ASSERT_TRUE(folder);
  Endpoints bound;
  ASSERT_TRUE(sys::MakeDirectories(folder->path() + "/dev"));
  ASSERT_THAT(BindMissing({.root = folder->path()}, bound), IsEmpty());
  int stream[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
  const UniqueFd other(stream[1]);
  const UniqueFd ring(::memfd_create("ring", 0));
  constexpr int kFirst = 200;
  int at = kFirst;
  for (const int fd : {bound.native.get(), stream[0], bound.stdout_listener.get(), ring.get(),
                       bound.dev_log.get()}) {
    ASSERT_EQ(::dup2(fd, at), at);
    ++at;
  }
  ::close(stream[0]);
  const Endpoints sorted =
      SortDescriptors(kFirst, at - kFirst, "inro-logs.socket:stdout-1-6-0-a b:x:ring:x");
  EXPECT_TRUE(sorted.native);
  EXPECT_TRUE(sorted.dev_log);
  EXPECT_TRUE(sorted.stdout_listener);
  EXPECT_TRUE(sorted.ring);
  EXPECT_FALSE(sorted.forwarded);
  ASSERT_EQ(sorted.kept.size(), 1u);
  EXPECT_EQ(sorted.kept[0].first, "stdout-1-6-0-a b");
}

}  // namespace
}  // namespace inro::guest::logs
