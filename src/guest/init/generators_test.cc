#include "guest/init/generators.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "sys/file.h"

namespace inro::guest {
namespace {

struct GeneratorsTest : testing::Test {
  sys::TempDir folder = std::move(*sys::TempDir::Create("generators"));
  GeneratorSettings settings;
  KernelLog log;
  std::string log_path = folder.path() + "/log";

  void SetUp() override {
    settings.folders = {folder.path() + "/etc", folder.path() + "/lib"};
    settings.output = folder.path() + "/generator";
    for (const std::string& path : settings.folders) ASSERT_TRUE(sys::MakeDirectories(path));
    log.Use(UniqueFd(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)));
  }
  void Add(const std::string& place, const std::string& script) {
    const std::string path = folder.path() + "/" + place;
    ASSERT_TRUE(sys::WriteFile(path, "#!/bin/sh\n" + script));
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }
  // Waits as PID 1 does, with a clock that may run fast.
  void Wait(Generators& generators, Time now) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (generators.running() && std::chrono::steady_clock::now() < end) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid > 0) {
        EXPECT_TRUE(generators.OnExit(pid, status));
      }
      generators.OnTime(now);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_FALSE(generators.running());
  }
  std::string Log() { return sys::ReadFile(log_path).value_or(""); }
};

TEST_F(GeneratorsTest, RunWithThreeFoldersAndTheirVariables) {
  Add("lib/one", "echo \"$SYSTEMD_SCOPE $A\" >$1/one.service; echo >$2/early; echo >$3/late\n");
  Generators generators(log, settings, {"PATH=/usr/bin:/bin", "A=b"});
  generators.Start(Time(0));
  EXPECT_TRUE(generators.running());
  Wait(generators, Time(0));
  EXPECT_EQ(sys::ReadFile(settings.output + "/one.service").value_or(""), "system b\n");
  EXPECT_TRUE(sys::ReadFile(settings.output + ".early/early"));
  EXPECT_TRUE(sys::ReadFile(settings.output + ".late/late"));
  EXPECT_EQ(Log(), "");
  // What an earlier run has written is gone with its generator.
  ::unlink((folder.path() + "/lib/one").c_str());
  generators.Start(Time(0));
  EXPECT_FALSE(generators.running());
  EXPECT_FALSE(sys::ReadFile(settings.output + "/one.service"));
}

TEST_F(GeneratorsTest, TheFirstOfANameCountsAndMasksHide) {
  Add("lib/both", "");
  Add("etc/both", "");
  Add("lib/masked", "");
  ASSERT_EQ(::symlink("/dev/null", (folder.path() + "/etc/masked").c_str()), 0);
  ASSERT_TRUE(sys::WriteFile(folder.path() + "/lib/text", "not to be executed"));
  ASSERT_EQ(::symlink("../../bin/inro-guest", (folder.path() + "/lib/own").c_str()), 0);
  settings.own = [](int, char**) { return 0; };
  const auto found = FindGenerators(sys::DiskFileSource(), settings);
  ASSERT_EQ(found.size(), 1U);  // the link dangles here
  EXPECT_EQ(found[0].path, folder.path() + "/etc/both");
}

TEST_F(GeneratorsTest, TheOwnOneIsCalledInAFork) {
  ASSERT_TRUE(sys::WriteFile(folder.path() + "/inro-guest", "never executed"));
  ASSERT_EQ(::chmod((folder.path() + "/inro-guest").c_str(), 0755), 0);
  ASSERT_EQ(::symlink("../inro-guest", (folder.path() + "/lib/own").c_str()), 0);
  settings.own = [](int argc, char** argv) {
    const auto written = sys::WriteFile(std::string(argv[1]) + "/own", "yes");
    return argc == 4 && written ? 0 : 1;
  };
  Generators generators(log, settings, {});
  generators.Start(Time(0));
  Wait(generators, Time(0));
  EXPECT_EQ(sys::ReadFile(settings.output + "/own").value_or(""), "yes");
  EXPECT_EQ(Log(), "");
}

TEST_F(GeneratorsTest, FailuresAreSaidAndOneThatHangsIsKilled) {
  Add("lib/bad", "exit 3\n");
  Add("lib/hangs", "sleep 1000 & wait\n");
  settings.limit = Time(5'000'000);
  Generators generators(log, settings, {"PATH=/usr/bin:/bin"});
  generators.Start(Time(0));
  EXPECT_EQ(generators.NextDeadline(), Time(5'000'000));
  // The one that fails ends by itself.
  while (Log().find("generator bad: exit status 3") == std::string::npos) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    ASSERT_GT(pid, 0);
    generators.OnExit(pid, status);
  }
  EXPECT_TRUE(generators.running());
  generators.OnTime(Time(4'999'999));
  EXPECT_TRUE(generators.running());
  generators.OnTime(Time(5'000'000));
  Wait(generators, Time(5'000'000));
  EXPECT_NE(Log().find("generator hangs: killed"), std::string::npos) << Log();
}

}  // namespace
}  // namespace inro::guest
