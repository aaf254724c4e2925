// PID 1's law, with this very code as PID 1 of a pid namespace: orphans are reaped, a service that
// crashes for ever does not grow it, one that floods does not slow it, and it ends in order.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "guest/init/init_role.h"
#include "sys/file.h"

namespace inro::guest {
namespace {

using std::chrono::steady_clock;

class Pid1Law : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("pid1-law");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    ASSERT_TRUE(sys::MakeDirectories(Units()));
    ASSERT_TRUE(sys::MakeDirectories(State()));
  }
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  std::string Units() const { return folder_->path() + "/units"; }
  std::string State() const { return folder_->path() + "/state"; }

  void Unit(const std::string& name, const std::string& service) {
    ASSERT_TRUE(
        sys::WriteFile(Units() + "/" + name,
                       "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n" + service));
  }

  // False when this machine allows no pid namespace.
  bool Start() {
    const std::string units = Units();
    const std::string state = State();
    const std::string log = folder_->path() + "/log";
    if (::unshare(CLONE_NEWPID) != 0) return false;
    pid_ = ::fork();
    if (pid_ == 0) {
      const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(fd, 2);
      std::string words[] = {"init", "--supervise", "--units", units, "--state", state};
      char* argv[7] = {};
      for (int i = 0; i < 6; ++i) argv[i] = words[i].data();
      ::_exit(RunInit(6, argv));
    }
    // Children of the test itself go back to its own namespace.
    return pid_ > 0;
  }

  std::string Column(const std::string& unit, int column) const {
    const std::string text = sys::ReadFile(State() + "/units.tsv").value_or("");
    std::size_t at = text.find("\n" + unit + "\t");
    if (at == std::string::npos) return "";
    for (int i = 0; i < column; ++i) at = text.find('\t', at) + 1;
    return text.substr(at, text.find_first_of("\t\n", at) - at);
  }
  template <class F>
  bool Wait(F condition) {
    const auto end = steady_clock::now() + std::chrono::seconds(250);
    while (!condition()) {
      if (steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  // What it has allocated. Not VmRSS, which the kernel counts in batches for each processor, and
  // which grows with the pages of code that run for the first time.
  long AllocatedKib() const {
    const std::string text =
        sys::ReadFile("/proc/" + std::to_string(pid_) + "/smaps_rollup").value_or("");
    const std::size_t at = text.find("\nAnonymous:");
    return at == std::string::npos ? -1 : std::strtol(text.c_str() + at + 11, nullptr, 10);
  }
  // Zombies among all processes whose parent is the init under test.
  int Zombies() const {
    const std::string list = sys::ReadFile("/proc/" + std::to_string(pid_) + "/task/" +
                                           std::to_string(pid_) + "/children")
                                 .value_or("");
    int zombies = 0;
    const char* at = list.c_str();
    while (*at != '\0') {
      char* end = nullptr;
      const long pid = std::strtol(at, &end, 10);
      if (end == at) break;
      at = end;
      const std::string stat = sys::ReadFile("/proc/" + std::to_string(pid) + "/stat").value_or("");
      zombies += stat.find(") Z ") != std::string::npos ? 1 : 0;
    }
    return zombies;
  }
  // Asks for an orderly power-off; in a pid namespace that ends the namespace. A service that did
  // not end by its SIGTERM would take 90 seconds.
  int EndSeconds() {
    const auto begin = steady_clock::now();
    ::kill(pid_, 34 + 4);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - begin).count());
  }

  std::optional<sys::TempDir> folder_;
  pid_t pid_ = -1;
};

TEST_F(Pid1Law, TenThousandOrphansAreReaped) {
  Unit("default.target", "Wants=orphans.service\n");
  Unit("orphans.service",
       "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'i=0; while [ $$i -lt "
       "10000 ]; do (true &) ; i=$$((i+1)); done; echo $$i >" +
           folder_->path() + "/count'\n");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  ASSERT_TRUE(Wait([&] { return Column("orphans.service", 1) == "active"; }));
  EXPECT_EQ(sys::ReadFile(folder_->path() + "/count").value_or(""), "10000\n");
  EXPECT_TRUE(Wait([&] { return Zombies() == 0; }));
  EXPECT_LT(EndSeconds(), 60);
}

TEST_F(Pid1Law, AThousandCrashesDoNotGrowIt) {
  Unit("default.target", "Wants=crash.service\n");
  Unit("crash.service", "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  const auto restarts = [&] { return std::atoi(Column("crash.service", 6).c_str()); };
  ASSERT_TRUE(Wait([&] { return restarts() >= 100; }));
  const long before = AllocatedKib();
  ASSERT_TRUE(Wait([&] { return restarts() >= 1100; }));
  EXPECT_GT(before, 0);
  EXPECT_LE(AllocatedKib(), before + 64);
  EXPECT_LT(EndSeconds(), 60);
}

// Nothing else happens in this system: no child ends, nobody writes, no deadline comes.
TEST_F(Pid1Law, ASocketThatIsAllThereIsIsServed) {
  const std::string path = folder_->path() + "/s";
  Unit("default.target", "Wants=alone.socket\n");
  Unit("alone.socket", "[Socket]\nListenStream=" + path + "\n");
  Unit("alone.service", "[Service]\nExecStart=/bin/sleep 1000\n");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  ASSERT_TRUE(Wait([&] { return Column("alone.socket", 1) == "active"; }));
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(Wait([&] { return Column("alone.service", 1) == "active"; }));
  EXPECT_LT(EndSeconds(), 60);
}

TEST_F(Pid1Law, AFloodDoesNotSlowTheOthers) {
  Unit("default.target", "Wants=flood.service other.service\n");
  Unit("flood.service", "[Service]\nExecStart=/usr/bin/yes flooding\n");
  Unit("other.service", "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n");
  if (!Start()) GTEST_SKIP() << "no pid namespace on this machine";
  ASSERT_TRUE(Wait([&] { return Column("flood.service", 1) == "active"; }));
  EXPECT_TRUE(Wait([&] { return std::atoi(Column("other.service", 6).c_str()) >= 200; }));
  EXPECT_LT(EndSeconds(), 60);
  const std::string log = sys::ReadFile(folder_->path() + "/log").value_or("");
  EXPECT_NE(log.find("lines of output dropped"), std::string::npos);
}

}  // namespace
}  // namespace inro::guest
