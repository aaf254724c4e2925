// The launcher with real processes: one test a setting, with what the process itself sees of it.
#include "guest/init/launcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "guest/init/activation.h"
#include "guest/init/standard_streams.h"
#include "guest/init/unit_run.h"
#include "sys/file.h"

namespace inro::guest {
namespace {

class FakeActivation final : public Activation {
 public:
  Result<> Activate(const unit::Unit&) override { return {}; }
  void Deactivate(const unit::Unit&) override {}
  void UnitChanged(const UnitRun&) override {}
  std::vector<PassedDescriptor> DescriptorsFor(const unit::Unit&) override { return passed; }
  const PassedConnection* ConnectionOf(const unit::Unit&) override {
    return connection ? &*connection : nullptr;
  }
  std::vector<PassedDescriptor> passed;
  std::optional<PassedConnection> connection;
};

class LauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto folder = sys::TempDir::Create("inro-launcher");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    ASSERT_EQ(::chmod(Path("").c_str(), 0755), 0);
    for (const char* name : {"/run", "/var/lib", "/var/tmp", "/tmp", "/etc"}) {
      ASSERT_TRUE(sys::MakeDirectories(Path(name)));
    }
    log_.Use(UniqueFd(::open(Path("/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)));
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    output_.emplace(log_, epoll_.get());
    LauncherSettings settings;
    settings.environment = {"PATH=/usr/bin:/bin"};
    settings.directory_root = Path("");
    settings.notify_socket = "/run/notify";
    launcher_.emplace(files_, line_, groups_, *output_, log_, std::move(settings));
    launcher_->set_activation(&activation_);
    unit_.name = "sample.service";
    unit_.kind = unit::UnitKind::kService;
    unit_.service = std::make_unique<unit::ServiceSettings>();
    Exec().output = {unit::StandardStream::kTruncate, Path("/output")};
  }
  std::string Path(const std::string& name) const { return folder_->path() + name; }
  unit::ExecSettings& Exec() { return unit_.service->exec; }

  // What a shell script prints as the unit's main process; its exit code is in `code`.
  std::string Script(const std::string& script, std::uint8_t flags = 0) {
    // The shell expands for itself.
    const auto all_flags = static_cast<std::uint8_t>(flags | unit::kNoExpansion);
    unit_.service->start = {{all_flags, "/bin/sh", {"sh", "-c", script}}};
    LaunchOptions options = options_;
    options.main = true;
    const auto pid = launcher_->Launch(unit_, unit_.service->start.front(), options);
    EXPECT_TRUE(pid) << (pid ? "" : pid.error().ToString());
    if (!pid) return "";
    ::waitpid(*pid, &status_, 0);
    executed_ = launcher_->IsExecuted(*pid);
    code = WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
    return sys::ReadFile(Path("/output")).value_or("");
  }
  std::string LogText() const { return sys::ReadFile(Path("/log")).value_or(""); }

  std::optional<sys::TempDir> folder_;
  sys::DiskFileSource files_;
  unit::KernelCommandLine line_ = unit::KernelCommandLine::Parse("");
  ControlGroups groups_{"", CgroupVersion::kV2};
  KernelLog log_;
  UniqueFd epoll_;
  std::optional<ServiceOutput> output_;
  FakeActivation activation_;
  std::optional<Launcher> launcher_;
  unit::Unit unit_;
  LaunchOptions options_;
  int code = 0;
  int status_ = 0;
  bool executed_ = false;
};

TEST_F(LauncherTest, RunsWithAPlainEnvironment) {
  EXPECT_EQ(Script("echo $PATH $(pwd) $(umask) $PPID"),
            "/usr/bin:/bin / 0022 " + std::to_string(::getpid()) + "\n");
  EXPECT_TRUE(executed_);
  EXPECT_EQ(Script("test $SYSTEMD_EXEC_PID = $$ && echo ${#INVOCATION_ID} $HOME $USER"), "32\n");
  EXPECT_EQ(Script("ls /proc/self/fd | wc -l"), "4\n") << "0, 1, 2 and the listing itself";
}

// The main process may have the terminal: a command beside it waits for none.
TEST_F(LauncherTest, ATerminalIsTheInputOfTheMainProcessAlone) {
  const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char path[64] = "";
  if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
      ::ptsname_r(master.get(), path, sizeof path) != 0) {
    GTEST_SKIP() << "no pseudo-terminals on this machine";
  }
  Exec().input.kind = unit::StandardStream::kTty;
  Exec().tty_path = path;
  const std::string facts = "test -t 0; echo $?; test -t 1; echo $?; (: </dev/tty) && echo has";
  EXPECT_EQ(Script(facts), "0\n1\nhas\n");
  EXPECT_EQ(code, 0);
  Exec().output.kind = unit::StandardStream::kInherit;
  unit_.service->start_post = {{unit::kNoExpansion,
                                "/bin/sh",
                                {"sh", "-c", "(" + facts + ") >" + Path("/output") + " 2>&1"}}};
  const auto pid = launcher_->Launch(unit_, unit_.service->start_post.front(), {});
  ASSERT_TRUE(pid);
  ::waitpid(*pid, &status_, 0);
  const std::string seen = sys::ReadFile(Path("/output")).value_or("");
  EXPECT_TRUE(seen.starts_with("1\n")) << seen;
  EXPECT_EQ(seen.find("has"), seen.npos) << seen;
}

TEST_F(LauncherTest, AProgramThatIsNotThere) {
  unit_.service->start = {{0, "/no/such/program", {"program"}}};
  LaunchOptions options;
  options.main = true;
  const auto pid = launcher_->Launch(unit_, unit_.service->start.front(), options);
  ASSERT_TRUE(pid);
  EXPECT_FALSE(launcher_->IsExecuted(*pid));
  ::waitpid(*pid, &status_, 0);
  EXPECT_EQ(WEXITSTATUS(status_), 203);
  EXPECT_NE(LogText().find("/no/such/program"), std::string::npos);
}

TEST_F(LauncherTest, FailuresHaveTheExitCodesOfSystemd) {
  Exec().user = "no-such-user";
  Script("true");
  EXPECT_EQ(code, 217);
  EXPECT_FALSE(executed_);
  Exec().user.clear();
  Exec().working_directory = "/no/such/folder";
  Script("true");
  EXPECT_EQ(code, 200);
  Exec().working_directory.clear();
  Exec().sandbox.read_only = {{"/no/such/path", false, false}};
  Script("true");
  EXPECT_EQ(code, 226);
  EXPECT_FALSE(executed_);
  Exec().sandbox = {};
  Exec().credentials = {{"key", "/no/such/key", ""}};
  Script("true");
  EXPECT_EQ(code, 243);
  Exec().credentials.clear();
  Exec().input = {unit::StandardStream::kFile, "/no/such/file"};
  Script("true");
  EXPECT_EQ(code, 208);
}

TEST_F(LauncherTest, UserGroupAndCompany) {
  Exec().user = "nobody";
  Exec().supplementary_groups = {"4"};
  EXPECT_EQ(Script("id -u; id -G; echo $USER $LOGNAME $HOME $SHELL"),
            "65534\n65534 4\nnobody nobody /nonexistent\n");
  EXPECT_EQ(Script("id -u; echo $USER", unit::kKeepCredentials), "0\nnobody\n");
  EXPECT_EQ(Script("id -u", unit::kFullPrivileges), "0\n");
}

TEST_F(LauncherTest, DynamicUser) {
  Exec().dynamic_user = true;
  Exec().directories[unit::kState].names = {"sample"};
  // The folders of this test's root lie elsewhere than where a service has them.
  const std::string uid = Script("id -u; id -g; echo $USER; touch /usr/x 2>&1 | grep -c Read-only");
  const long number = std::strtol(uid.c_str(), nullptr, 10);
  EXPECT_GE(number, 61184) << uid << LogText();
  EXPECT_LE(number, 65519);
  EXPECT_EQ(uid, std::to_string(number) + "\n" + std::to_string(number) + "\nsample\n1\n");
  struct stat info{};
  ASSERT_EQ(::lstat(Path("/var/lib/sample").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(::stat(Path("/var/lib/private").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat(Path("/var/lib/private/sample").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, static_cast<uid_t>(number));
  launcher_->CleanUp(unit_, false);
  EXPECT_EQ(Script("id -u"), std::to_string(number) + "\n") << "a name has one number";
}

TEST_F(LauncherTest, Capabilities) {
  Exec().bounding = unit::CapabilitySet().set(CAP_CHOWN).set(CAP_KILL);
  EXPECT_EQ(Script("grep CapBnd /proc/self/status"), "CapBnd:\t0000000000000021\n");
  Exec().bounding.reset();
  Exec().user = "nobody";
  Exec().ambient = unit::CapabilitySet().set(CAP_NET_BIND_SERVICE);
  EXPECT_EQ(Script("grep -E 'CapEff|CapAmb' /proc/self/status"),
            "CapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n");
  Exec().ambient.reset();
  Exec().no_new_privileges = true;
  EXPECT_EQ(Script("grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1\n");
}

TEST_F(LauncherTest, SecureBitsWithACapability) {
  Exec().user = "nobody";
  Exec().ambient = unit::CapabilitySet().set(CAP_NET_BIND_SERVICE);
  Exec().secure_bits = 1 << 0 | 1 << 1;  // noroot, and locked
  EXPECT_EQ(Script("grep CapEff /proc/self/status"), "CapEff:\t0000000000000400\n") << LogText();
}

TEST_F(LauncherTest, SchedulesAndLimits) {
  Exec().nice = 5;
  Exec().oom_score_adjust = 123;
  Exec().limits[RLIMIT_NOFILE] = unit::Limit{77, 88};
  Exec().umask = 027;
  Exec().timer_slack_ns = 123456;
  Exec().cpu_policy = SCHED_BATCH;
  Exec().cpu_affinity = {0};
  EXPECT_EQ(Script("cut -d' ' -f19,41 /proc/self/stat; cat /proc/self/oom_score_adj; ulimit -n; "
                   "ulimit -Hn; umask; cat /proc/$$/timerslack_ns; "
                   "grep Cpus_allowed_list /proc/self/status"),
            "5 3\n123\n77\n88\n0027\n123456\nCpus_allowed_list:\t0\n");
}

TEST_F(LauncherTest, EnvironmentInOrder) {
  ASSERT_TRUE(sys::WriteFile(Path("/etc/a.env"), "B=file\nC='two words'\n"));
  ASSERT_TRUE(sys::WriteFile(Path("/etc/b.env"), "D=glob\n"));
  ::setenv("INRO_PASSED", "passed", 1);
  Exec().environment = {"A=unit", "B=unit", "GONE=1", "KEPT=1"};
  Exec().environment_files = {{Path("/etc/?.env"), false}, {Path("/etc/none"), true}};
  Exec().pass_environment = {"INRO_PASSED", "INRO_ABSENT"};
  Exec().unset_environment = {"GONE", "KEPT=2"};
  options_.main_pid = 0;
  options_.watchdog = unit::Microseconds(5'000'000);
  options_.environment = {"MONITOR_UNIT=other.service"};
  EXPECT_EQ(Script("echo $A $B \"$C\" $D $INRO_PASSED ${GONE-gone} $KEPT $MONITOR_UNIT "
                   "$WATCHDOG_USEC; test $WATCHDOG_PID = $$ && echo pid"),
            "unit file two words glob passed gone 1 other.service 5000000\npid\n");
  Exec().environment_files = {{Path("/etc/none"), false}};
  // As in systemd: nothing is started at all.
  EXPECT_FALSE(launcher_->Launch(unit_, unit_.service->start.front(), options_));
}

TEST_F(LauncherTest, NotifySocketOnlyForThoseWhoNotify) {
  EXPECT_EQ(Script("echo ${NOTIFY_SOCKET-none}"), "none\n");
  unit_.service->type = unit::ServiceType::kNotify;
  EXPECT_EQ(Script("echo ${NOTIFY_SOCKET-none}"), "/run/notify\n");
}

TEST_F(LauncherTest, Credentials) {
  ASSERT_TRUE(sys::WriteFile(Path("/etc/key"), "from a file"));
  Exec().user = "nobody";
  Exec().credentials = {{"key", Path("/etc/key"), ""}, {"word", "", "as given"}};
  EXPECT_EQ(Script("cat $CREDENTIALS_DIRECTORY/key; echo; cat $CREDENTIALS_DIRECTORY/word; echo; "
                   "stat -c '%a %U' $CREDENTIALS_DIRECTORY $CREDENTIALS_DIRECTORY/*"),
            "from a file\nas given\n500 nobody\n400 nobody\n400 nobody\n");
  launcher_->CleanUp(unit_, false);
  EXPECT_FALSE(sys::Exists(Path("/run/credentials/sample.service")));
  // The system's own may be absent (systemd-sysctl.service asks for one); a file may not.
  Exec().credentials = {{"sysctl.extra", "sysctl.extra", ""}};
  EXPECT_EQ(Script("ls $CREDENTIALS_DIRECTORY | wc -l"), "0\n");
}

TEST_F(LauncherTest, StandardStreams) {
  Exec().input = {unit::StandardStream::kNull, ""};
  Exec().input_data = "line of input\n";
  EXPECT_EQ(Script("cat; echo to-error >&2"), "line of input\nto-error\n")
      << "errors go where the output goes";
  Exec().error = {unit::StandardStream::kAppend, Path("/errors")};
  Script("echo one >&2");
  Script("echo two >&2");
  EXPECT_EQ(sys::ReadFile(Path("/errors")).value_or(""), "one\ntwo\n");
  Exec().input = {unit::StandardStream::kFile, Path("/errors")};
  EXPECT_EQ(Script("wc -l"), "2\n");
  Exec().input = {};
  Exec().output = {unit::StandardStream::kNull, ""};
  Exec().error = {};
  Script("readlink /proc/self/fd/1 >" + Path("/output"));
}

TEST_F(LauncherTest, LinesReachTheLogWithTheirLevels) {
  Exec().output = {unit::StandardStream::kInherit, ""};
  Exec().syslog_identifier = "named";
  Exec().log_level_max = 5;
  unit_.name = "logged-sample.service";
  Script("echo '<3>bad'; echo '<6>dull'; echo '<5>fine'");
  output_->Forget(unit_.name);
  const std::string log = LogText();
  if (sys::Exists("/run/systemd/journal/stdout")) GTEST_SKIP() << "a collector runs here";
  EXPECT_NE(log.find("<27>named: bad\n"), std::string::npos) << log;
  EXPECT_NE(log.find("<29>named: fine\n"), std::string::npos) << log;
  EXPECT_EQ(log.find("dull"), std::string::npos) << log;
}

TEST_F(LauncherTest, TheCollectorGetsTheHeader) {
  const std::string path = Path("/run/stdout");
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  Exec().output = {unit::StandardStream::kJournal, "", true};
  Exec().syslog_level = 4;
  unit_.service->start = {{0, "/bin/prog", {"prog"}}};
  int exit_code = 0;
  const auto streams = OpenStreams({unit_, Exec(), {}, nullptr, *output_, path}, exit_code);
  ASSERT_TRUE(streams);
  EXPECT_NE(streams->journal_stream.find(':'), std::string::npos);
  const UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
  char text[256] = {};
  ASSERT_GT(::read(peer.get(), text, sizeof text - 1), 0);
  EXPECT_STREQ(text, "prog\nsample.service\n28\n1\n0\n0\n1\n");
  // One that accepts nobody holds nobody up.
  std::vector<Streams> held;
  for (int i = 0; i < 8; ++i) {
    auto more = OpenStreams({unit_, Exec(), {}, nullptr, *output_, path}, exit_code);
    ASSERT_TRUE(more);
    held.push_back(std::move(*more));
  }
  // The kernel's log is written without the collector.
  Exec().output = {unit::StandardStream::kKmsg, "", false};
  const auto kernel = OpenStreams({unit_, Exec(), {}, nullptr, *output_, path}, exit_code);
  ASSERT_TRUE(kernel);
  EXPECT_EQ(kernel->journal_stream, "");
}

TEST_F(LauncherTest, PassesDescriptors) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  activation_.passed = {{read_end.get(), "in"}, {write_end.get(), "out"}};
  EXPECT_EQ(Script("test $LISTEN_PID = $$ && echo $LISTEN_FDS $LISTEN_FDNAMES; echo through >&4; "
                   "read line <&3; echo $line"),
            "2 in:out\nthrough\n");
  Exec().input = {unit::StandardStream::kFd, "in"};
  EXPECT_EQ(Script("echo again >&4; read line; echo $line"), "again\n");
}

TEST_F(LauncherTest, AConnectionIsTheStandardInput) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd near(ends[0]);
  const UniqueFd far(ends[1]);
  activation_.connection = PassedConnection{far.get(), "10.0.0.1", "77"};
  activation_.passed = {{far.get(), "connection"}};
  Exec().input = {unit::StandardStream::kSocket, ""};
  Exec().output = {unit::StandardStream::kInherit, ""};
  ASSERT_EQ(::write(near.get(), "hello\n", 6), 6);
  Script("read line; echo $line $REMOTE_ADDR $REMOTE_PORT ${LISTEN_FDS-none}");
  char text[128] = {};
  ASSERT_GT(::read(near.get(), text, sizeof text - 1), 0);
  EXPECT_STREQ(text, "hello 10.0.0.1 77 none\n");
}

TEST_F(LauncherTest, PrivateTmpIsSharedByThoseWhoJoin) {
  Exec().sandbox.private_tmp = true;
  EXPECT_EQ(Script("ls -A /tmp | wc -l; echo x >/tmp/mine; stat -c %a /tmp"), "0\n1777\n")
      << LogText();
  EXPECT_EQ(Script("cat /tmp/mine"), "x\n") << "the same for all commands of a run";
  unit::Unit other;
  other.name = "other.service";
  other.kind = unit::UnitKind::kService;
  other.joins_namespace_of = {"sample.service"};
  other.service = std::make_unique<unit::ServiceSettings>();
  other.service->exec.sandbox.private_tmp = true;
  other.service->exec.output = Exec().output;
  other.service->start = {{0, "/bin/cat", {"cat", "/tmp/mine"}}};
  const auto pid = launcher_->Launch(other, other.service->start.front(), {});
  ASSERT_TRUE(pid);
  ::waitpid(*pid, &status_, 0);
  EXPECT_EQ(sys::ReadFile(Path("/output")).value_or(""), "x\n");
  launcher_->CleanUp(unit_, false);
  EXPECT_EQ(files_.List(Path("/tmp")).size(), 1U) << "another one uses it still";
  launcher_->CleanUp(other, false);
  EXPECT_EQ(files_.List(Path("/tmp")).size(), 0U);
}

TEST_F(LauncherTest, PrivateNetworkIsTheSameForAllCommands) {
  Exec().sandbox.private_network = true;
  const std::string first = Script("readlink /proc/self/ns/net");
  EXPECT_EQ(Script("readlink /proc/self/ns/net"), first);
  char own[64] = {};
  ASSERT_GT(::readlink("/proc/self/ns/net", own, sizeof own - 1), 0);
  EXPECT_NE(first, std::string(own) + "\n");
}

TEST_F(LauncherTest, FullPrivilegesLeaveTheSandbox) {
  Exec().sandbox.protect_system = unit::ProtectSystem::kStrict;
  EXPECT_EQ(Script("test -w /usr && echo open || echo closed"), "closed\n") << LogText();
  EXPECT_EQ(Script("test -w /usr && echo open || echo closed", unit::kFullPrivileges), "open\n");
}

TEST_F(LauncherTest, DirectoriesChangeHandsWithTheirContent) {
  ASSERT_TRUE(sys::MakeDirectories(Path("/var/lib/sample/deep")));
  ASSERT_TRUE(sys::WriteFile(Path("/var/lib/sample/deep/file"), "x"));
  Exec().user = "nobody";
  Exec().directories[unit::kState] = {{"sample"}, 0750};
  Script("true");
  struct stat info{};
  ASSERT_EQ(::stat(Path("/var/lib/sample/deep/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 65534U);
}

}  // namespace
}  // namespace inro::guest
