// Sockets and timers over a supervisor that is only told of: real sockets, a clock that the test
// moves.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <functional>
#include <optional>
#include <set>

#include "guest/init/socket_activation.h"
#include "guest/init/socket_address.h"
#include "guest/init/timer_activation.h"
#include "guest/init/unit_run.h"
#include "sys/fake/memory_file_source.h"
#include "sys/file.h"
#include "unit/loader.h"

namespace inro::guest {
namespace {

using testing::ElementsAre;

class FakeStarter final : public UnitStarter {
 public:
  Result<JobId> StartUnit(const std::string& name) override {
    started.push_back(name);
    if (refuse) return Fail("refused");
    pending.insert(++last);
    return last;
  }
  Result<JobId> StopUnit(const std::string& name) override {
    stopped.push_back(name);
    return ++last;
  }
  bool IsPending(JobId job) const override { return pending.contains(job); }
  void FailUnit(const std::string& name, std::string_view result, std::string) override {
    failed.push_back(name + " " + std::string(result));
    if (on_fail) on_fail(name);
  }
  void SetSub(const std::string& name, std::string_view sub) override { subs[name] = sub; }
  void SetAccepted(const std::string&, unsigned count) override { accepted = count; }
  void ForgetWhenDown(const std::string& name) override { forgotten.push_back(name); }
  const UnitRun* Find(std::string_view name) const override {
    const auto found = runs.find(std::string(name));
    return found == runs.end() ? nullptr : found->second.get();
  }
  bool Stopping() const override { return false; }
  Time Now() const override { return now; }
  std::int64_t WallClock() const override { return wall; }

  void JobsDone() { pending.clear(); }

  std::map<std::string, std::unique_ptr<UnitRun>> runs;
  std::map<std::string, std::string> subs;
  std::vector<std::string> started, stopped, failed, forgotten;
  std::set<JobId> pending;
  JobId last = 0;
  unsigned accepted = 0;
  bool refuse = false;
  std::function<void(const std::string&)> on_fail;
  Time now{10'000'000};
  std::int64_t wall = 1'700'000'000'000'000;
};

struct ActivationTest : testing::Test {
  void SetUp() override {
    auto folder = sys::TempDir::Create("activation");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
    log.Use(UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC)));
    sockets.emplace(starter, accounts, log, epoll.get());
    timers.emplace(starter, log, epoll.get(),
                   TimerFolders{folder_->path() + "/stamps", folder_->path() + "/zone", ""});
    starter.on_fail = [this](const std::string& name) {
      if (starter.runs[name]->unit->socket) sockets->Deactivate(*starter.runs[name]->unit);
    };
  }
  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  // A unit from text, and its run.
  UnitRun& Load(const std::string& name, const std::string& text) {
    files.AddFile("/usr/lib/systemd/system/" + name,
                  "[Unit]\nDefaultDependencies=no\n" + text + "\n");
    loaders.push_back(std::make_unique<unit::Loader>(files, unit::LoaderOptions{}));
    unit::Unit* unit = loaders.back()->Load(name);
    EXPECT_EQ(unit->state, unit::LoadState::kLoaded) << unit->problem;
    auto run = std::make_unique<UnitRun>();
    run->unit = unit;
    return *(starter.runs[name] = std::move(run));
  }
  UnitRun& Listen(const std::string& name, const std::string& text) {
    UnitRun& run = Load(name, text);
    const auto done = sockets->Activate(*run.unit);
    EXPECT_TRUE(done) << done.error().ToString();
    run.phase = UnitPhase::kActive;
    sockets->UnitChanged(run);
    sockets->Settle();
    return run;
  }
  void Change(UnitRun& run, UnitPhase phase) {
    run.phase = phase;
    sockets->UnitChanged(run);
    timers->UnitChanged(run);
  }
  // Hands out what epoll has; the number of events.
  int Wake() {
    std::array<epoll_event, 16> events;
    const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      EXPECT_TRUE(sockets->OnReadable(fd) || timers->OnReadable(fd));
    }
    sockets->Settle();
    timers->Settle();
    return count;
  }
  static UniqueFd Connect(const std::string& path) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return {};
    return fd;
  }

  std::optional<sys::TempDir> folder_;
  sys::MemoryFileSource files;
  sys::DiskFileSource disk;
  Accounts accounts{disk};
  KernelLog log;
  UniqueFd epoll;
  FakeStarter starter;
  std::vector<std::unique_ptr<unit::Loader>> loaders;
  std::optional<SocketActivation> sockets;
  std::optional<TimerActivation> timers;
};

TEST_F(ActivationTest, TheFirstConnectionStartsTheServiceOnce) {
  Listen("a.socket",
         "[Socket]\nListenStream=" + Path("a") + "\nSocketMode=0640\nFileDescriptorName=x");
  struct stat status{};
  ASSERT_EQ(::stat(Path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
  EXPECT_EQ(starter.subs["a.socket"], "listening");
  const UniqueFd client = Connect(Path("a"));
  ASSERT_TRUE(client);
  EXPECT_EQ(Wake(), 1);
  EXPECT_EQ(Wake(), 0);  // not looked at while the start is under way
  EXPECT_THAT(starter.started, ElementsAre("a.service"));
  UnitRun& service = Load("a.service", "[Service]\nExecStart=/bin/a");
  Change(service, UnitPhase::kRunning);
  starter.JobsDone();
  EXPECT_EQ(Wake(), 0);
  EXPECT_EQ(starter.subs["a.socket"], "running");
  const auto passed = sockets->DescriptorsFor(*service.unit);
  ASSERT_EQ(passed.size(), 1U);
  EXPECT_EQ(passed[0].name, "x");
  // The connection still waits when the service ends: it is started again.
  Change(service, UnitPhase::kInactive);
  Wake();
  EXPECT_EQ(Wake(), 1);
  EXPECT_THAT(starter.started, ElementsAre("a.service", "a.service"));
}

TEST_F(ActivationTest, AStartThatWasSkippedListensAgain) {
  Listen("a.socket", "[Socket]\nListenStream=" + Path("a"));
  const UniqueFd client = Connect(Path("a"));
  Wake();
  starter.JobsDone();  // no phase of the service has changed: its condition did not hold
  Wake();
  EXPECT_EQ(starter.subs["a.socket"], "listening");
}

TEST_F(ActivationTest, TooManyTriggersFailTheSocket) {
  Listen("a.socket", "[Socket]\nListenStream=" + Path("a") +
                         "\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=1min\nRemoveOnStop=yes");
  const UniqueFd client = Connect(Path("a"));
  for (int i = 0; i < 10; ++i) {
    Wake();
    starter.JobsDone();
  }
  EXPECT_EQ(starter.started.size(), 3U);
  EXPECT_THAT(starter.failed, ElementsAre("a.socket trigger-limit-hit"));
  EXPECT_FALSE(sys::Exists(Path("a")));
}

TEST_F(ActivationTest, AServiceThatCannotBeStartedFailsTheSocket) {
  Listen("a.socket", "[Socket]\nListenStream=" + Path("a"));
  starter.refuse = true;
  const UniqueFd client = Connect(Path("a"));
  Wake();
  EXPECT_THAT(starter.failed, ElementsAre("a.socket resources"));
}

TEST_F(ActivationTest, AServiceAtItsStartLimitFailsTheSocket) {
  Listen("a.socket", "[Socket]\nListenStream=" + Path("a"));
  const UniqueFd client = Connect(Path("a"));
  Wake();
  UnitRun& service = Load("a.service", "[Service]\nExecStart=/bin/a");
  service.result = "start-limit-hit";
  Change(service, UnitPhase::kFailed);
  starter.JobsDone();
  Wake();
  EXPECT_THAT(starter.failed, ElementsAre("a.socket service-start-limit-hit"));
}

TEST_F(ActivationTest, EachConnectionIsAnInstanceThatIsForgotten) {
  Listen("a.socket", "[Socket]\nListenStream=" + Path("a") + "\nAccept=yes\nMaxConnections=2");
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Connect(Path("a")));
  Wake();
  const std::string suffix = fmt::format("-{}-{}.service", ::getpid(), ::getuid());
  EXPECT_THAT(starter.started, ElementsAre("a@0" + suffix, "a@1" + suffix));
  EXPECT_EQ(starter.forgotten, starter.started);
  EXPECT_EQ(sockets->connections(), 2U);
  char byte = 0;
  EXPECT_EQ(::recv(clients[2].get(), &byte, 1, MSG_DONTWAIT), 0);  // the third was closed
  UnitRun& instance = Load(starter.started[0], "[Service]\nExecStart=/bin/a");
  const auto passed = sockets->DescriptorsFor(*instance.unit);
  ASSERT_EQ(passed.size(), 1U);
  EXPECT_EQ(passed[0].name, "connection");
  ASSERT_NE(sockets->ConnectionOf(starter.started[0]), nullptr);
  EXPECT_EQ(sockets->ConnectionOf(starter.started[0])->fd, passed[0].fd);
  Change(instance, UnitPhase::kRunning);
  starter.JobsDone();
  Wake();
  // The second one's job is over and there is no unit: it has led to nothing.
  EXPECT_EQ(sockets->connections(), 1U);
  Change(instance, UnitPhase::kInactive);
  Wake();
  EXPECT_EQ(sockets->connections(), 0U);
  EXPECT_EQ(::recv(clients[0].get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(ActivationTest, ADatagramAndAFifoTrigger) {
  Listen("a.socket", "[Socket]\nListenDatagram=" + Path("d") + "\nListenFIFO=" + Path("f") +
                         "\nSymlinks=" + Path("l"));
  EXPECT_EQ(sockets->DescriptorsFor(*Load("a.service", "[Service]\nExecStart=/bin/a").unit).size(),
            2U);
  struct stat status{};
  ASSERT_EQ(::stat(Path("f").c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
  ASSERT_EQ(::stat(Path("l").c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  const UniqueFd writer(::open(Path("f").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  EXPECT_EQ(Wake(), 1);
  EXPECT_THAT(starter.started, ElementsAre("a.service"));
}

TEST_F(ActivationTest, AnAddressThatIsNoSocketIsLeftAlone) {
  ASSERT_TRUE(sys::WriteFile(Path("a"), "precious"));
  UnitRun& run = Load("a.socket", "[Socket]\nListenStream=" + Path("a"));
  EXPECT_FALSE(sockets->Activate(*run.unit));
  EXPECT_EQ(sys::ReadFile(Path("a")).value_or(""), "precious");
}

TEST_F(ActivationTest, AddressesAreNamedAsSystemdNamesThem) {
  sockaddr_storage local{};
  sockaddr_storage remote{};
  auto vm = [](sockaddr_storage& to, unsigned cid, unsigned port) {
    sockaddr_vm name{};
    name.svm_family = AF_VSOCK;
    name.svm_cid = cid;
    name.svm_port = port;
    std::memcpy(&to, &name, sizeof name);
  };
  vm(local, 3, 1026);
  vm(remote, 2, 555);
  ConnectionNames names = NamesOfAddresses(local, remote);
  EXPECT_EQ(names.instance, "3:1026-2:555");
  EXPECT_EQ(names.remote_addr, "vsock:2");
  EXPECT_EQ(names.remote_port, "555");
  EXPECT_TRUE(names.from_host);
  vm(remote, 1, 555);
  EXPECT_FALSE(NamesOfAddresses(local, remote).from_host);
  unit::ListenSetting setting{unit::ListenKind::kStream, "[::1%lo]:80"};
  const auto address = ParseSocketAddress(setting, true);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->family(), AF_INET6);
  setting.address = "8080";
  EXPECT_EQ(ParseSocketAddress(setting, false)->family(), AF_INET);
  setting.address = "vsock::1026";
  EXPECT_EQ(ParseSocketAddress(setting, true)->family(), AF_VSOCK);
  setting = {unit::ListenKind::kNetlink, "kobject-uevent 1"};
  EXPECT_EQ(ParseSocketAddress(setting, true)->family(), AF_NETLINK);
  setting.address = "nonsense";
  EXPECT_FALSE(ParseSocketAddress(setting, true));
}

// --- Timers

TEST(TimerSchedule, CountsFromWhatHasHappened) {
  unit::TimerSettings settings;
  settings.monotonic = {{unit::TimerBase::kBoot, Time(60'000'000)},
                        {unit::TimerBase::kUnitActive, Time(10'000'000)}};
  TimerMoments moments;
  moments.now = Time(5'000'000);
  EXPECT_EQ(ComputeNextElapse(settings, moments).monotonic, Time(60'000'000));
  moments.last = Time(60'000'001);  // the boot's time counts once
  EXPECT_EQ(ComputeNextElapse(settings, moments).monotonic, Time(70'000'001));
  moments.unit_active = Time(65'000'000);
  EXPECT_EQ(ComputeNextElapse(settings, moments).monotonic, Time(75'000'000));
}

TEST(TimerSchedule, TheCalendarCountsFromTheLastElapse) {
  unit::TimerSettings settings;
  settings.calendar.push_back(*unit::ParseCalendarEvent("hourly"));
  TimerMoments moments;
  moments.activated_wall = 1'700'000'000'000'000;  // 22:13:20
  EXPECT_EQ(ComputeNextElapse(settings, moments).wall, 1'700'002'800'000'000);
  moments.last_wall = 1'700'002'800'000'001;
  EXPECT_EQ(ComputeNextElapse(settings, moments).wall, 1'700'006'400'000'000);
}

struct TimerTest : ActivationTest {
  UnitRun& Begin(const std::string& name, const std::string& text) {
    UnitRun& run = Load(name, text);
    EXPECT_TRUE(timers->Activate(*run.unit));
    run.phase = UnitPhase::kActive;
    timers->UnitChanged(run);
    timers->Settle();
    return run;
  }
  void Pass(std::int64_t microseconds) {
    starter.now += Time(microseconds);
    starter.wall += microseconds;
    timers->Settle();
  }
};

TEST_F(TimerTest, ElapsesAndRepeatsFromItsUnit) {
  Begin("a.timer", "[Timer]\nOnActiveSec=5\nOnUnitInactiveSec=3");
  EXPECT_EQ(timers->NextDeadline(), Time(15'000'000));
  Pass(4'999'999);
  EXPECT_TRUE(starter.started.empty());
  Pass(1);
  EXPECT_THAT(starter.started, ElementsAre("a.service"));
  UnitRun& service = Load("a.service", "[Service]\nExecStart=/bin/a");
  Change(service, UnitPhase::kRunning);
  starter.JobsDone();
  Pass(60'000'000);
  EXPECT_EQ(starter.started.size(), 1U);
  service.inactive = starter.now;
  Change(service, UnitPhase::kInactive);
  timers->Settle();
  EXPECT_EQ(starter.subs["a.timer"], "waiting");
  Pass(3'000'000);
  EXPECT_EQ(starter.started.size(), 2U);
}

TEST_F(TimerTest, OneThatIsDoneStopsWhenItShallNotRemain) {
  Begin("a.timer", "[Timer]\nOnActiveSec=1\nRemainAfterElapse=no");
  Pass(1'000'000);
  EXPECT_EQ(starter.started.size(), 1U);
  starter.JobsDone();
  timers->Settle();
  EXPECT_EQ(starter.subs["a.timer"], "elapsed");
  EXPECT_THAT(starter.stopped, ElementsAre("a.timer"));
}

TEST_F(TimerTest, PersistentCatchesUp) {
  ASSERT_TRUE(sys::MakeDirectories(Path("stamps")));
  ASSERT_TRUE(sys::WriteFile(Path("stamps/stamp-a.timer"), ""));
  const std::int64_t old = starter.wall - std::int64_t{3} * 86'400'000'000;
  const timespec times[2] = {{old / 1'000'000, 0}, {old / 1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, Path("stamps/stamp-a.timer").c_str(), times, 0), 0);
  Begin("a.timer", "[Timer]\nOnCalendar=daily\nPersistent=yes");
  EXPECT_THAT(starter.started, ElementsAre("a.service"));
  struct stat status{};
  ASSERT_EQ(::stat(Path("stamps/stamp-a.timer").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, starter.wall / 1'000'000);
}

TEST_F(TimerTest, RandomDelaysAreWithinTheirBound) {
  Begin("a.timer", "[Timer]\nOnActiveSec=5\nRandomizedDelaySec=10\nFixedRandomDelay=yes");
  EXPECT_GE(timers->NextDeadline(), Time(15'000'000));
  EXPECT_LT(timers->NextDeadline(), Time(25'000'000));
}

TEST_F(TimerTest, ACalendarTimeDoesNotComeEarlyWhenTheClockIsSlow) {
  Begin("a.timer", "[Timer]\nOnCalendar=hourly");
  const Time left = timers->NextDeadline() - starter.now;
  starter.now += left;
  starter.wall += left.count() - 1000;  // slewed
  timers->Settle();
  EXPECT_TRUE(starter.started.empty());
  Pass(1000);
  EXPECT_EQ(starter.started.size(), 1U);
}

}  // namespace
}  // namespace inro::guest
