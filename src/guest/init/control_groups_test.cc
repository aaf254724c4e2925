// Control groups with real processes in a hierarchy of the host's.
#include "guest/init/control_groups.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "sys/file.h"

namespace inro::guest {
namespace {

using namespace std::chrono_literals;

TEST(PathOfSlice, NestsAtDashes) {
  EXPECT_EQ(PathOfSlice(""), "/system.slice");
  EXPECT_EQ(PathOfSlice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
  EXPECT_EQ(PathOfSlice("-.slice"), "");
}

std::string Hierarchy() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (sys::Exists(std::string(path) + "/cgroup.subtree_control")) return path;
  }
  return "";
}

class ControlGroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string top = Hierarchy();
    root_ = top + "/inro-groups-test." + std::to_string(::getpid());
    if (top.empty() || ::mkdir(root_.c_str(), 0755) != 0) {
      GTEST_SKIP() << "needs root and control groups v2";
    }
    groups_.emplace(root_, CgroupVersion::kV2);
    unit_.name = "x.service";
    unit_.kind = unit::UnitKind::kService;
    unit_.service = std::make_unique<unit::ServiceSettings>();
    unit_.service->exec.resources.slice = "app-web.slice";
  }
  void TearDown() override {
    if (!groups_) return;
    groups_->Kill(unit_, SIGKILL, 0);
    EXPECT_TRUE(BecomesEmpty());
    groups_->Remove(unit_);
    for (const char* folder : {"/app.slice/app-web.slice", "/app.slice", ""}) {
      ::rmdir((root_ + folder).c_str());
    }
  }
  bool BecomesEmpty() {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!groups_->IsEmpty(unit_)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }
  std::string path() const { return root_ + "/app.slice/app-web.slice/x.service"; }
  unit::ResourceSettings& resources() { return unit_.service->exec.resources; }

  std::string root_;
  std::optional<ControlGroups> groups_;
  unit::Unit unit_;
};

TEST_F(ControlGroupsTest, GroupsLieInTheirSlices) {
  resources().delegate = true;
  const auto opened = groups_->Open(unit_, resources(), false, {65534, 65534}, nullptr);
  ASSERT_TRUE(opened) << opened.error().ToString();
  struct stat info{};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 65534U) << "Delegate= hands it over";
  EXPECT_TRUE(groups_->IsEmpty(unit_));
  // A process in a group below is the unit's too.
  ASSERT_EQ(::mkdir((path() + "/below").c_str(), 0755), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  ASSERT_TRUE(sys::WriteFile(path() + "/below/cgroup.procs", std::to_string(pid)));
  EXPECT_FALSE(groups_->IsEmpty(unit_));
  EXPECT_EQ(groups_->UnitOf(pid), "x.service");
  EXPECT_EQ(groups_->Processes(unit_), std::vector<pid_t>{pid});
  groups_->Kill(unit_, SIGTERM, 0);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  ASSERT_TRUE(groups_->Open(unit_, resources(), true, {}, nullptr));
  EXPECT_TRUE(sys::Exists(path() + "/.control")) << "control processes have a group of their own";
  groups_->Remove(unit_);
  EXPECT_FALSE(sys::Exists(path()));
}

// Rows of one process at a time, each the child of the one before: whoever reads a pid finds it
// gone.
TEST_F(ControlGroupsTest, ASignalReachesWhoForksFasterThanItIsRead) {
  constexpr int kRows = 24;
  ASSERT_TRUE(groups_->Open(unit_, resources(), false, {}, nullptr));
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    if (!sys::WriteFile(path() + "/cgroup.procs", std::to_string(::getpid()))) ::_exit(1);
    int row = 0;
    while (row < kRows && ::fork() != 0) ++row;
    if (row == kRows) ::_exit(0);
    while (std::chrono::steady_clock::now() < deadline) {
      if (const pid_t child = ::fork(); child != 0) ::_exit(child < 0);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_EQ(status, 0);
  ASSERT_FALSE(groups_->IsEmpty(unit_));
  groups_->Kill(unit_, SIGTERM, 0);
  EXPECT_TRUE(BecomesEmpty());
}

TEST_F(ControlGroupsTest, WhoStandsStillIsSignalledTooAndTheGroupGoesOn) {
  ASSERT_TRUE(groups_->Open(unit_, resources(), false, {}, nullptr));
  const auto spawn = [&] {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    EXPECT_TRUE(sys::WriteFile(path() + "/cgroup.procs", std::to_string(pid)));
    return pid;
  };
  const pid_t main_process = spawn();
  const pid_t stopped = spawn();
  ASSERT_EQ(::kill(stopped, SIGSTOP), 0);
  groups_->Kill(unit_, SIGTERM, main_process);
  int status = 0;
  ASSERT_EQ(::waitpid(stopped, &status, 0), stopped);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  EXPECT_EQ(groups_->Processes(unit_), std::vector<pid_t>{main_process});
  ASSERT_EQ(::kill(main_process, SIGTERM), 0);
  ASSERT_EQ(::waitpid(main_process, &status, 0), main_process);
  EXPECT_EQ(WTERMSIG(status), SIGTERM) << "it is not frozen";
}

}  // namespace
}  // namespace inro::guest
