// Programs and copies in booted guests: what `inro exec`, `inro cp` and `inro console` do.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <thread>

#include "guest_run.h"
#include "guest_shell.h"
#include "sys/file.h"
#include "vmm/control/control_call.h"
#include "vmm/control/copy.h"
#include "vmm/control/exec_session.h"

namespace inro::boot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// images/debian with the tools that the cases look with; exec and copies themselves need none.
GuestSpec ToolsSpec() {
  GuestSpec spec = DebianWith("tools", "", "", {kInitrdInro, kImageSystemd});
  AddPackage(spec, "coreutils");
  return spec;
}

class Exec : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  // Runs a program in the guest and collects what it says on both streams.
  Ran Run(const protocol::ExecStartRequest& request, int in = -1) {
    auto ran = RunProgram(*run_, request, in);
    EXPECT_TRUE(ran) << ran.error().ToString();
    return std::move(ran).value_or(Ran{});
  }
  Ran Shell(std::string script) { return Run({.argv = {"sh", "-c", std::move(script)}}); }

  void StatusesAndStreams();
  void Terminal();
  void CopiesBothWays(std::size_t bytes);
  void TreesSparseAndLinks();
  void RoleComesBack();
  void ManyConsoles(int count);
};

void Exec::StatusesAndStreams() {
  EXPECT_EQ(Shell("exit 7").status, 7);
  EXPECT_EQ(Shell("kill -KILL $$").status, 128 + SIGKILL);
  EXPECT_EQ(Run({.argv = {"no-such-program"}}).status, 127);
  EXPECT_EQ(Run({.argv = {"/etc/os-release"}}).status, 126);
  EXPECT_THAT(Shell("echo out; echo err >&2").out, HasSubstr("err"));
  const Ran user = Run({.argv = {"sh", "-c", "id -u; pwd; echo $X"},
                        .env = {"X=value"},
                        .directory = "/usr",
                        .user = "_chrony"});
  EXPECT_THAT(user.out, HasSubstr("/usr\nvalue\n"));
  EXPECT_THAT(user.out, ::testing::Not(::testing::StartsWith("0\n")));
  // A signal of the host's reaches the program.
  const auto client = run_->DialControl();
  ASSERT_TRUE(client);
  vmm::ExecSession session(**client);
  ASSERT_TRUE(session.Start({.argv = {"sleep", "600"}}));
  std::thread sender([&] {
    std::this_thread::sleep_for(500ms);
    session.Signal(SIGTERM);
  });
  const auto end = session.Run({});
  sender.join();
  ASSERT_TRUE(end) << end.error().ToString();
  EXPECT_EQ(end->ExitStatus(), 128 + SIGTERM);
}

void Exec::Terminal() {
  const Ran ran = Run({.argv = {"sh", "-c", "stty size; test -t 0 && test -t 1 && echo both"},
                       .terminal = true,
                       .rows = 31,
                       .columns = 99});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("31 99"));
  EXPECT_THAT(ran.out, HasSubstr("both"));
}

void Exec::CopiesBothWays(std::size_t bytes) {
  const auto folder = sys::TempDir::Create("inro-copy");
  ASSERT_TRUE(folder);
  const std::string source = folder->path() + "/source";
  {
    std::mt19937_64 random(bytes);
    std::string piece(1 << 20, '\0');
    const auto fd = sys::Open(source, O_WRONLY | O_CREAT | O_TRUNC);
    for (std::size_t done = 0; done < bytes; done += piece.size()) {
      for (std::size_t i = 0; i < piece.size(); i += 8) {
        const std::uint64_t value = random();
        std::memcpy(piece.data() + i, &value, 8);
      }
      ASSERT_TRUE(sys::WriteAll(fd->get(), piece, source));
    }
  }
  const auto client = run_->DialControl();
  ASSERT_TRUE(client);
  const auto began = std::chrono::steady_clock::now();
  const auto in = vmm::CopyToGuest(**client, source, "/tmp/copied", {});
  ASSERT_TRUE(in) << in.error().ToString();
  const auto there = std::chrono::steady_clock::now();
  const std::string back = folder->path() + "/back";
  const auto out = vmm::CopyFromGuest(**client, "/tmp/copied", back, {});
  ASSERT_TRUE(out) << out.error().ToString();
  const auto done = std::chrono::steady_clock::now();
  const auto rate = [&](auto from, auto to) {
    return static_cast<double>(bytes) / 1e6 / std::chrono::duration<double>(to - from).count();
  };
  std::fprintf(stderr, "  copy of %zu MiB: in %.0f MB/s, out %.0f MB/s\n", bytes >> 20,
               rate(began, there), rate(there, done));
  // Three checksums: of what was sent, of what the guest has, of what came back.
  const Ran sum = Run({.argv = {"sha256sum", "/tmp/copied"}});
  const auto local = [](const std::string& path) {
    FILE* pipe = ::popen(fmt::format("sha256sum '{}'", path).c_str(), "r");
    char line[128] = {};
    EXPECT_NE(std::fgets(line, sizeof line, pipe), nullptr);
    ::pclose(pipe);
    return std::string(line, 64);
  };
  EXPECT_EQ(local(source), sum.out.substr(0, 64));
  EXPECT_EQ(local(source), local(back));
  EXPECT_EQ(Run({.argv = {"rm", "/tmp/copied"}}).status, 0);
}

void Exec::TreesSparseAndLinks() {
  const auto folder = sys::TempDir::Create("inro-copy");
  ASSERT_TRUE(folder);
  const std::string tree = folder->path() + "/tree";
  ASSERT_TRUE(sys::MakeDirectories(tree + "/sub"));
  ASSERT_TRUE(sys::WriteFile(tree + "/sub/program", "#!/bin/sh\necho ran $1\n", 0750));
  ASSERT_EQ(::link((tree + "/sub/program").c_str(), (tree + "/twin").c_str()), 0);
  ASSERT_EQ(::symlink("sub/program", (tree + "/link").c_str()), 0);
  ASSERT_EQ(::chmod((tree + "/sub").c_str(), 0711), 0);
  {
    const auto fd = sys::Open(tree + "/sparse", O_WRONLY | O_CREAT);
    ASSERT_EQ(::pwrite(fd->get(), "end", 3, (256 << 20) - 3), 3);
  }
  const auto client = run_->DialControl();
  ASSERT_TRUE(client);
  const auto in = vmm::CopyToGuest(**client, tree, "/tmp", {});
  ASSERT_TRUE(in) << in.error().ToString();
  EXPECT_EQ(in->destination, "/tmp/tree");
  EXPECT_LT(in->bytes, 1u << 20) << "holes were sent";
  const Ran look = Shell(
      "cd /tmp/tree && stat -c '%n %a %h %s' sub sub/program twin sparse; stat -c %b sparse; "
      "readlink link; ./link it; ./twin too");
  EXPECT_THAT(look.out, HasSubstr("sub 711"));
  EXPECT_THAT(look.out, HasSubstr("sub/program 750 2"));
  EXPECT_THAT(look.out, HasSubstr("sparse 644 1 268435456"));
  EXPECT_THAT(look.out, HasSubstr("sub/program\nran it\nran too\n"));
  const auto out = vmm::CopyFromGuest(**client, "/tmp/tree", folder->path() + "/back", {});
  ASSERT_TRUE(out) << out.error().ToString();
  EXPECT_EQ(out->files, in->files);
  struct stat info{};
  ASSERT_EQ(::stat((folder->path() + "/back/sparse").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 256 << 20);
  EXPECT_LT(info.st_blocks * 512, 16 << 20);
  ASSERT_EQ(::stat((folder->path() + "/back/twin").c_str(), &info), 0);
  EXPECT_EQ(info.st_nlink, 2u);
  EXPECT_EQ(info.st_mode & 07777, 0750u);
}

// The role is killed while a program runs: the host is told, and the next call is served.
void Exec::RoleComesBack() {
  const auto before = run_->State();
  ASSERT_TRUE(before) << before.error().ToString();
  const auto client = run_->DialControl();
  ASSERT_TRUE(client);
  vmm::ExecSession session(**client);
  ASSERT_TRUE(session.Start({.argv = {"sh", "-c", "sleep 1; kill -KILL $PPID; sleep 600"}}));
  EXPECT_FALSE(session.Run({}));
  // The dying role's listener may take a last connection and hang up on it.
  bool back = false;
  for (int i = 0; i < 600 && !back; ++i) {
    std::this_thread::sleep_for(100ms);
    const auto state = run_->State();
    back = state && state->own_pid != before->own_pid;
  }
  EXPECT_TRUE(back);
  EXPECT_EQ(Shell("exit 3").status, 3);
  // What it had started is gone too.
  bool sleeps = true;
  for (int i = 0; i < 300 && sleeps; ++i) {
    std::this_thread::sleep_for(200ms);
    const auto state = run_->State();
    ASSERT_TRUE(state) << state.error().ToString();
    sleeps = ProcessNamed(*state, "sleep") != nullptr;
  }
  EXPECT_FALSE(sleeps);
  units_may_fail_ = true;  // it was killed, and init says so
}

void Exec::ManyConsoles(int count) {
  const auto before = run_->State();
  ASSERT_TRUE(before) << before.error().ToString();
  for (const auto& process : before->processes) {
    EXPECT_FALSE(process.unit.starts_with("inro-console@")) << process.name;
  }
  std::vector<UniqueFd> consoles;
  for (int i = 0; i < count; ++i) {
    auto console = run_->guest().Connect(1026, kCallLimit);
    ASSERT_TRUE(console) << i << ": " << console.error().ToString();
    ASSERT_TRUE(sys::WriteAll(console->get(), fmt::format("echo con-{}-$((6*7))\n", i), "console"));
    consoles.push_back(std::move(*console));
  }
  for (int i = 0; i < count; ++i) {
    const std::string wanted = fmt::format("con-{}-42", i);
    std::string shown;
    while (!shown.contains(wanted)) {
      pollfd waiting{consoles[static_cast<std::size_t>(i)].get(), POLLIN, 0};
      ASSERT_EQ(::poll(&waiting, 1, 60'000), 1) << "console " << i << " said: " << shown;
      char bytes[4096];
      const ssize_t got = ::read(waiting.fd, bytes, sizeof bytes);
      ASSERT_GT(got, 0) << "console " << i << " said: " << shown;
      shown.append(bytes, static_cast<std::size_t>(got));
    }
  }
  consoles.clear();
  // Nobody is connected: nothing is left.
  std::size_t left = 1;
  for (int i = 0; i < 240 && left > 0; ++i) {
    std::this_thread::sleep_for(500ms);
    const auto after = run_->State();
    ASSERT_TRUE(after);
    left = static_cast<std::size_t>(
        std::ranges::count_if(after->processes, [](const protocol::ProcessState& process) {
          return process.unit.starts_with("inro-console@");
        }));
  }
  EXPECT_EQ(left, 0u);
}

TEST_P(Exec, ProgramsCopiesAndConsoles) {
  INRO_BOOT(ToolsSpec(), GetParam(), {"agent.debug_console", "agent.debug_console_vport=1026"});
  StatusesAndStreams();
  Terminal();
  CopiesBothWays(std::size_t{64} << 20);
  TreesSparseAndLinks();
  ManyConsoles(100);
  RoleComesBack();
  ExpectHealthy();
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Debian, Exec, ::testing::Values(kInitrdInro, kImageSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

class LargeCopy : public Exec {};

// Labelled slow: a gibibyte each way.
TEST_P(LargeCopy, OneGibibyte) {
  if (::getenv("INRO_SLOW") == nullptr) GTEST_SKIP() << "set INRO_SLOW=1 for the gibibyte";
  const auto build = BuildOnce(ToolsSpec());
  if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
  ASSERT_TRUE(build) << build.error().ToString();
  auto machine = build->Machine(GetParam());
  ASSERT_TRUE(machine) << machine.error().ToString();
  machine->memory_mib = 4096;  // half of it may be taken by /tmp
  auto run = GuestRun::Start(*machine, "Slow_LargeCopy", {});
  ASSERT_TRUE(run) << run.error().ToString();
  run_ = std::move(*run);
  ASSERT_TRUE(run_->WaitReady());
  CopiesBothWays(std::size_t{1} << 30);
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Slow, LargeCopy, ::testing::Values(kInitrdInro),
                         [](const auto& variant) { return VariantName(variant.param); });

}  // namespace
}  // namespace inro::boot_test
