#include "guest/agent/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "guest/agent/guest_details.h"
#include "guest/agent/mount_option.h"
#include "guest/agent/online.h"
#include "guest/agent/storage.h"
#include "sys/fake/fake_mounts.h"
#include "sys/file.h"

namespace inro::guest::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FakeKernel final : public Kernel {
 public:
  std::vector<std::string> calls;
  std::string failing_module;

  Result<> SetTime(std::int64_t seconds, std::int64_t) override {
    calls.push_back("time " + std::to_string(seconds));
    return {};
  }
  Result<> AddEntropy(std::string_view bytes) override {
    calls.push_back("entropy " + std::to_string(bytes.size()));
    return {};
  }
  Result<> LoadModule(const std::string& name,
                      const std::vector<std::string>& parameters) override {
    if (name == failing_module) return Fail("modprobe {} failed", name);
    calls.push_back("module " + name + " " + std::to_string(parameters.size()));
    return {};
  }
  Result<> HoldNamespaces(const std::string&, const std::string& hostname) override {
    calls.push_back("namespaces " + hostname);
    return {};
  }
};

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() : folder_(sys::TempDir::Create("inro-sandbox").value()) {
    paths_ = {.root = folder_.path() + "/kata",
              .namespaces = folder_.path() + "/ns",
              .resolv_conf = folder_.path() + "/resolv.conf",
              .sysfs = folder_.path() + "/sys"};
  }
  protocol::Storage Shm() const {
    return {.driver = "ephemeral",
            .source = "shm",
            .fstype = "tmpfs",
            .options = {"noexec", "nosuid", "nodev", "mode=1777", "size=67108864"},
            .mount_point = paths_.root + "/sandbox/shm"};
  }

  sys::TempDir folder_;
  SandboxPaths paths_;
  FakeKernel kernel_;
  sys::FakeMounts mounts_;
  Log log_{-1, protocol::LogLevel::kCritical};
};

// What the Go runtime sends (the recorded request).
TEST_F(SandboxTest, CreatesWhatTheRuntimeAsksFor) {
  ASSERT_TRUE(sys::MakeDirectories(paths_.root + "/left/over"));
  ASSERT_TRUE(sys::WriteFile(paths_.resolv_conf, ""));
  Sandbox sandbox(kernel_, mounts_, log_, paths_);
  const std::string shared = paths_.root + "/shared/containers/";
  protocol::CreateSandboxRequest request{
      .hostname = "pod",
      .dns = {"nameserver 10.0.0.10", "search local"},
      .storages = {{.driver = "virtio-fs",
                    .source = "kataShared",
                    .fstype = "virtiofs",
                    .options = {"nodev"},
                    .mount_point = shared},
                   Shm()},
      .sandbox_id = "t1",
      .kernel_modules = {{.name = "dummy", .parameters = {"numdummies=2"}}}};
  ASSERT_TRUE(sandbox.Create(request));
  EXPECT_EQ(sandbox.id(), "t1");
  EXPECT_FALSE(sys::Exists(paths_.root + "/left"));
  EXPECT_THAT(kernel_.calls, ElementsAre("module dummy 1", "namespaces pod"));
  ASSERT_EQ(mounts_.mounted.size(), 3u);
  EXPECT_EQ(mounts_.mounted[0].type, "virtiofs");
  EXPECT_EQ(mounts_.mounted[0].source, "kataShared");
  EXPECT_EQ(mounts_.mounted[0].flags, unsigned{MS_NODEV});
  EXPECT_TRUE(sys::Exists(shared));
  EXPECT_EQ(mounts_.mounted[1].flags, unsigned{MS_NOEXEC | MS_NOSUID | MS_NODEV});
  EXPECT_EQ(mounts_.mounted[1].options, "mode=1777,size=67108864");
  EXPECT_EQ(mounts_.mounted[2].target, paths_.resolv_conf);
  EXPECT_EQ(sys::ReadFile(paths_.root + "/sandbox/resolv.conf").value(),
            "nameserver 10.0.0.10\nsearch local");
  sandbox.Destroy();
  EXPECT_THAT(mounts_.mounted, IsEmpty());
}

TEST_F(SandboxTest, AFailureUndoesTheMounts) {
  Sandbox sandbox(kernel_, mounts_, log_, paths_);
  mounts_.failing_types = {"virtiofs"};
  const auto done = sandbox.Create({.storages = {Shm(),
                                                 {.driver = "virtio-fs",
                                                  .source = "x",
                                                  .fstype = "virtiofs",
                                                  .mount_point = paths_.root + "/x"}},
                                    .sandbox_id = "t"});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().ToString(), HasSubstr("virtio-fs storage at"));
  EXPECT_THAT(mounts_.mounted, IsEmpty());
  EXPECT_EQ(sandbox.id(), "");
}

TEST_F(SandboxTest, AModuleThatFailsFailsTheSandbox) {
  Sandbox sandbox(kernel_, mounts_, log_, paths_);
  kernel_.failing_module = "nope";
  EXPECT_FALSE(sandbox.Create({.kernel_modules = {{.name = "nope"}}}));
  EXPECT_EQ(sandbox.Create({.kernel_modules = {{.name = "-r"}}}).error().kind(),
            ErrorKind::kBadInput);
}

TEST_F(SandboxTest, BadIdsAndStoragesAreBadInput) {
  Sandbox sandbox(kernel_, mounts_, log_, paths_);
  for (const char* id : {"../x", "a/b", ".hidden", "a b"}) {
    EXPECT_EQ(sandbox.Create({.sandbox_id = id}).error().kind(), ErrorKind::kBadInput) << id;
  }
  for (const protocol::Storage& bad :
       {protocol::Storage{.driver = "tape", .mount_point = "/x"},
        protocol::Storage{.driver = "ephemeral", .fstype = "tmpfs", .mount_point = "relative"},
        protocol::Storage{
            .driver = "local", .options = {"mode=9"}, .mount_point = paths_.root + "/l"}}) {
    EXPECT_EQ(sandbox.Create({.storages = {bad}}).error().kind(), ErrorKind::kBadInput)
        << bad.driver;
  }
}

TEST_F(SandboxTest, WithoutAResolvConfDnsIsOnlyKept) {
  Sandbox sandbox(kernel_, mounts_, log_, paths_);
  ASSERT_TRUE(sandbox.Create({.dns = {"nameserver 1.1.1.1"}}));
  EXPECT_THAT(mounts_.mounted, IsEmpty());
}

TEST_F(SandboxTest, LocalStorageIsAFolderWithItsMode) {
  const std::string path = folder_.path() + "/local";
  const auto mounted = AddStorage(
      mounts_, paths_.sysfs, {.driver = "local", .options = {"mode=0750"}, .mount_point = path});
  ASSERT_TRUE(mounted);
  EXPECT_FALSE(*mounted);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750u);
}

TEST_F(SandboxTest, HugePagesAreSetAsideAndCounted) {
  const std::string pages = paths_.sysfs + "/kernel/mm/hugepages/hugepages-2048kB";
  const protocol::Storage storage{.driver = "ephemeral",
                                  .source = "nodev",
                                  .fstype = "hugetlbfs",
                                  .options = {"pagesize=2Mi", "size=8388608"},
                                  .mount_point = folder_.path() + "/huge"};
  EXPECT_FALSE(AddStorage(mounts_, paths_.sysfs, storage));
  ASSERT_TRUE(sys::MakeDirectories(pages));
  ASSERT_TRUE(AddStorage(mounts_, paths_.sysfs, storage));
  EXPECT_EQ(sys::ReadFile(pages + "/nr_hugepages").value(), "4");
  EXPECT_EQ(mounts_.mounted.at(0).options, "pagesize=2097152");
}

TEST(MountOption, LaterWordsWin) {
  const MountOptions options = ParseMountOptions({"ro", "rw", "noexec", "dax", "size=1", "rbind"});
  EXPECT_EQ(options.flags, unsigned{MS_NOEXEC | MS_BIND | MS_REC});
  EXPECT_EQ(options.data, "dax,size=1");
}

TEST(GuestDetails, ReadsWhatSysfsHas) {
  const auto folder = sys::TempDir::Create("inro-details").value();
  const std::string memory = folder.path() + "/devices/system/memory";
  EXPECT_EQ(ReadGuestDetails({true, true}, folder.path()).mem_block_size_bytes, 0u);
  ASSERT_TRUE(sys::MakeDirectories(memory));
  ASSERT_TRUE(sys::WriteFile(memory + "/block_size_bytes", "8000000\n"));
  ASSERT_TRUE(sys::WriteFile(memory + "/probe", ""));
  const auto details = ReadGuestDetails({true, true}, folder.path());
  EXPECT_EQ(details.mem_block_size_bytes, 134217728u);
  EXPECT_TRUE(details.support_mem_hotplug_probe);
  EXPECT_EQ(ReadGuestDetails({false, false}, folder.path()).mem_block_size_bytes, 0u);
}

class OnlineTest : public testing::Test {
 protected:
  OnlineTest() : folder_(sys::TempDir::Create("inro-online").value()) {
    EXPECT_TRUE(sys::MakeDirectories(Cpu(0)));  // has no file `online`
    Plug(1, "1");
  }
  std::string Cpu(int number) const {
    return folder_.path() + "/devices/system/cpu/cpu" + std::to_string(number);
  }
  void Plug(int number, const char* online) {
    EXPECT_TRUE(sys::MakeDirectories(Cpu(number)));
    EXPECT_TRUE(sys::WriteFile(Cpu(number) + "/online", online));
  }
  HotplugOnline::Options Options(std::function<void(std::chrono::milliseconds)> sleep) {
    return {.sysfs = folder_.path(),
            .tries = 5,
            .pause = std::chrono::milliseconds(1),
            .sleep = std::move(sleep)};
  }
  sys::TempDir folder_;
};

TEST_F(OnlineTest, SwitchesOnAsManyAsAreAskedFor) {
  HotplugOnline online(Options([](auto) {}));
  Plug(2, "0\n");
  Plug(3, "0\n");
  ASSERT_TRUE(online.OnlineCpus(1));
  EXPECT_EQ(sys::ReadFile(Cpu(2) + "/online").value(), "1");
  EXPECT_EQ(sys::ReadFile(Cpu(3) + "/online").value(), "0\n");
}

TEST_F(OnlineTest, WaitsForThemToAppearAndCountsThoseThatCameByThemselves) {
  int calls = 0;
  HotplugOnline online(Options([&](auto) { ++calls == 2 ? Plug(2, "1") : Plug(4, "0"); }));
  ASSERT_TRUE(online.OnlineCpus(2));
  EXPECT_EQ(sys::ReadFile(Cpu(4) + "/online").value(), "1");
}

TEST_F(OnlineTest, SaysHowManyCame) {
  HotplugOnline online(Options([](auto) {}));
  const auto done = online.OnlineCpus(3);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().ToString(), HasSubstr("3 processors were to come online, 0 did"));
}

TEST_F(OnlineTest, SwitchesMemoryOn) {
  HotplugOnline online(Options([](auto) {}));
  EXPECT_EQ(online.OnlineMemory().value(), 0);
  const std::string memory = folder_.path() + "/devices/system/memory/";
  for (const char* name : {"memory0", "memory1", "power"}) {
    ASSERT_TRUE(sys::MakeDirectories(memory + name));
  }
  ASSERT_TRUE(sys::WriteFile(memory + "memory0/state", "online\n"));
  ASSERT_TRUE(sys::WriteFile(memory + "memory1/state", "offline\n"));
  EXPECT_EQ(online.OnlineMemory().value(), 1);
  EXPECT_EQ(sys::ReadFile(memory + "memory1/state").value(), "online");
}

TEST(Log, IsOneJsonObjectALine) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  const Log log(fds[1], protocol::LogLevel::kInfo);
  log.Write(protocol::LogLevel::kDebug, "x", "dropped");
  log.Write(protocol::LogLevel::kWarn, "rpc", "a \"quote\"\n\x01\xff", {{"key", "v\xc3\xa9"}});
  char bytes[1024];
  const ssize_t got = ::read(fds[0], bytes, sizeof bytes);
  ASSERT_GT(got, 0);
  const std::string line(bytes, static_cast<std::size_t>(got));
  EXPECT_THAT(
      line,
      testing::StartsWith(
          "{\"msg\":\"a \\\"quote\\\"\\n\\u0001\xef\xbf\xbd\",\"level\":\"WARN\",\"ts\":\"20"));
  EXPECT_THAT(line,
              HasSubstr("\"name\":\"kata-agent\",\"source\":\"agent\",\"subsystem\":\"rpc\""));
  EXPECT_THAT(line, testing::EndsWith(",\"key\":\"v\xc3\xa9\"}\n"));
  ::close(fds[0]);
  ::close(fds[1]);
}

}  // namespace
}  // namespace inro::guest::agent
