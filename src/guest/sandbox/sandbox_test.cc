// A sandbox from settings to a running program; and the parts that need no mount.
#include "guest/sandbox/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "guest/sandbox/device_filter.h"
#include "guest/sandbox/implied.h"
#include "guest/sandbox/namespaces.h"
#include "sys/file.h"

namespace inro::guest::sandbox {
namespace {

class SandboxedProgram : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto folder = sys::TempDir::Create("inro-sandbox");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
  }
  // What a shell script prints when it runs under the settings; its status is in `status`.
  std::string Script(const std::string& script) {
    unit::ExecSettings effective = exec;
    ApplyImplied(effective);
    Sandbox sandbox(SandboxRequest{effective, sources, network, -1, 65534, 65534});
    const std::string path = folder_->path() + "/output";
    const UniqueFd output(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    sys::SpawnRequest request;
    request.program = "/bin/sh";
    request.argv = {"sh", "-c", script};
    request.environment = {"PATH=/usr/bin:/bin"};
    request.streams = {null.get(), output.get(), output.get()};
    request.dropped_capabilities = ImpliedDrops(effective.sandbox);
    request.no_new_privileges = effective.no_new_privileges;
    request.setup = &sandbox;
    auto child = sys::SpawnChild(request);
    EXPECT_TRUE(child);
    if (!child) return "";
    ::waitpid(child->pid, &status, 0);
    char text[600];
    const ssize_t size = ::read(child->report.get(), text, sizeof text);
    report.assign(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    return sys::ReadFile(path).value_or("");
  }

  unit::ExecSettings exec;
  MountSources sources;
  int network = -1;
  int status = 0;
  std::string report;
  std::optional<sys::TempDir> folder_;
};

TEST_F(SandboxedProgram, RunsUnderEverythingAtOnce) {
  exec.sandbox.protect_system = unit::ProtectSystem::kStrict;
  exec.sandbox.protect_home = unit::ProtectHome::kYes;
  exec.sandbox.private_devices = true;
  exec.sandbox.protect_hostname = true;
  exec.sandbox.protect_clock = true;
  exec.sandbox.protect_kernel_logs = true;
  exec.sandbox.protect_kernel_modules = true;
  exec.sandbox.protect_kernel_tunables = true;
  exec.sandbox.protect_control_groups = true;
  exec.sandbox.restrict_realtime = true;
  exec.sandbox.lock_personality = true;
  exec.sandbox.memory_deny_write_execute = true;
  exec.sandbox.allowed_namespaces = 0;
  exec.sandbox.restrict_suid_sgid = true;
  exec.sandbox.system_call_architectures = {"native"};
  exec.sandbox.system_calls = unit::SystemCallRules{true, {"@system-service"}};
  exec.no_new_privileges = true;
  const std::string output = Script(
      "grep -E '^(CapBnd|Seccomp|NoNewPrivs):' /proc/self/status; "
      "touch /usr/x 2>/dev/null || echo read-only; echo $$ >/dev/null && echo null");
  EXPECT_EQ(WEXITSTATUS(status), 0) << report;
  EXPECT_NE(output.find("NoNewPrivs:\t1"), std::string::npos) << output;
  EXPECT_NE(output.find("Seccomp:\t2"), std::string::npos) << output;
  EXPECT_NE(output.find("read-only\nnull\n"), std::string::npos) << output;
  const std::size_t at = output.find("CapBnd:\t");
  ASSERT_NE(at, std::string::npos);
  const auto bounding = std::stoull(output.substr(at + 8, 16), nullptr, 16);
  // CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_MKNOD, CAP_SYSLOG
  EXPECT_EQ(bounding & ImpliedDrops(exec.sandbox), 0U);
  for (const int capability : {16, 17, 25, 27, 34}) {
    EXPECT_NE(ImpliedDrops(exec.sandbox) >> capability & 1, 0U) << capability;
  }
  EXPECT_EQ(report, "");
}

TEST_F(SandboxedProgram, SaysWhatFailed) {
  exec.sandbox.read_only = {{"/no/such/path", false, false}};
  Script("true");
  EXPECT_EQ(WEXITSTATUS(status), 226);
  EXPECT_NE(report.find("/no/such/path"), std::string::npos) << report;
  exec.sandbox = {};
  exec.sandbox.network_namespace_path = "/no/such/network";
  Script("true");
  EXPECT_EQ(WEXITSTATUS(status), 225);
  EXPECT_EQ(sys::ChildExitName(226), "NAMESPACE");
}

TEST_F(SandboxedProgram, ANetworkOfItsOwnWithLoopback) {
  auto made = MakeNamespace(SharedNamespace::kNetwork);
  ASSERT_TRUE(made) << made.error().ToString();
  network = made->get();
  exec.sandbox.private_network = true;
  // Two processes meet in it.
  const std::string first = Script("readlink /proc/self/ns/net");
  EXPECT_EQ(Script("readlink /proc/self/ns/net"), first);
  char own[64] = {};
  ASSERT_GT(::readlink("/proc/self/ns/net", own, sizeof own - 1), 0);
  EXPECT_NE(first, std::string(own) + "\n");
  EXPECT_EQ(Script("ls /proc/self/net/dev >/dev/null && grep -c : /proc/self/net/dev"), "1\n");
  // In the namespace itself: the flags of lo.
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!EnterNamespace(network, SharedNamespace::kNetwork)) ::_exit(2);
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    ::ioctl(socket, SIOCGIFFLAGS, &request);
    ::_exit((request.ifr_flags & IFF_UP) != 0 ? 0 : 1);
  }
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SandboxedProgram, UsersOfItsOwn) {
  exec.sandbox.private_users = true;
  const std::string output = Script("cat /proc/self/uid_map | tr -s ' '");
  EXPECT_EQ(output, " 0 0 1\n 65534 65534 1\n") << report;
}

TEST_F(SandboxedProgram, AHostNameOfItsOwn) {
  exec.sandbox.protect_hostname = true;
  char own[64] = {};
  ASSERT_GT(::readlink("/proc/self/ns/uts", own, sizeof own - 1), 0);
  EXPECT_NE(Script("readlink /proc/self/ns/uts"), std::string(own) + "\n");
  EXPECT_EQ(Script("echo x >/proc/sys/kernel/hostname || echo no; hostname y 2>/dev/null || echo "
                   "no"),
            "no\n")
      << "the file writes into the namespace of its own only";
}

TEST(Implied, DynamicUserBringsItsCompany) {
  unit::ExecSettings exec;
  EXPECT_FALSE(NeedsSandbox(exec));
  exec.dynamic_user = true;
  EXPECT_TRUE(NeedsSandbox(exec));
  ApplyImplied(exec);
  EXPECT_TRUE(exec.sandbox.private_tmp && exec.no_new_privileges &&
              exec.sandbox.restrict_suid_sgid);
  EXPECT_EQ(exec.sandbox.protect_system, unit::ProtectSystem::kStrict);
  EXPECT_EQ(exec.sandbox.protect_home, unit::ProtectHome::kReadOnly);
  const unit::ExecSettings full = WithFullPrivileges(exec);
  EXPECT_FALSE(NeedsSandbox(full));
}

TEST(DeviceFilter, RulesBecomeMatches) {
  unit::ResourceSettings resources;
  EXPECT_FALSE(NeedsDeviceFilter(resources));
  resources.device_policy = unit::DevicePolicy::kStrict;
  resources.devices = {{"char-pt?", "rw"}, {"block-sd", "r"}, {"/dev/null", ""}, {"/no/such", "r"}};
  EXPECT_TRUE(NeedsDeviceFilter(resources));
  const auto matches = ResolveDevices(resources,
                                      "Character devices:\n  1 mem\n247 ptp\n  8 sd\n\n"
                                      "Block devices:\n  8 sd\n 65 sd\n247 ptp\n");
  ASSERT_EQ(matches.size(), 4U);
  EXPECT_TRUE(!matches[0].block && matches[0].major == 247U && matches[0].access == 6);
  EXPECT_TRUE(matches[1].block && matches[1].major == 8U && matches[1].access == 2);
  EXPECT_EQ(matches[2].major, 65U);
  EXPECT_TRUE(matches[3].major == 1U && matches[3].minor == 3U && matches[3].access == 7);
}

// A v2 hierarchy of this machine, below which the tests may make a group; empty: none.
std::string Hierarchy() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (sys::Exists(std::string(path) + "/cgroup.subtree_control")) return path;
  }
  return "";
}

TEST(DeviceFilter, HoldsForAGroup) {
  const std::string root = Hierarchy();
  if (::geteuid() != 0 || root.empty()) GTEST_SKIP() << "needs root and control groups v2";
  const std::string group = root + "/inro-device-test";
  if (::mkdir(group.c_str(), 0755) != 0 && errno != EEXIST) GTEST_SKIP() << "no group can be made";
  const UniqueFd fd(::open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  unit::ResourceSettings resources;
  resources.device_policy = unit::DevicePolicy::kStrict;
  resources.devices = {{"/dev/null", "rw"}, {"/dev/zero", "r"}};
  const auto attached = AttachDeviceProgram(fd.get(), DeviceProgram(ResolveDevices(resources, "")));
  ASSERT_TRUE(attached) << attached.error().ToString();
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!sys::WriteFile(group + "/cgroup.procs", "0")) ::_exit(10);
    if (::open("/dev/null", O_RDWR) < 0) ::_exit(1);
    if (::open("/dev/zero", O_RDONLY) < 0) ::_exit(2);
    if (::open("/dev/zero", O_RDWR) >= 0 || errno != EPERM) ::_exit(3);
    if (::open("/dev/full", O_RDONLY) >= 0 || errno != EPERM) ::_exit(4);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ::rmdir(group.c_str());
}

}  // namespace
}  // namespace inro::guest::sandbox
