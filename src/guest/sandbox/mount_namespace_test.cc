// Mount namespaces at work: each test is a child process in the namespace that some settings ask
// for. Needs root, as PID 1 has.
#include "guest/sandbox/mount_namespace.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>

#include "guest/sandbox/mount_list.h"
#include "sys/file.h"

namespace inro::guest::sandbox {
namespace {

constexpr int kNoNamespace = 251;

class MountNamespace : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto folder = sys::TempDir::Create("inro-mounts");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
  }
  std::string Folder(const std::string& name) {
    const std::string path = folder_->path() + "/" + name;
    EXPECT_TRUE(sys::MakeDirectories(path));
    return path;
  }
  std::string File(const std::string& name, const std::string& text = "text") {
    const std::string path = folder_->path() + "/" + name;
    EXPECT_TRUE(sys::MakeDirectories(path.substr(0, path.rfind('/'))));
    EXPECT_TRUE(sys::WriteFile(path, text));
    return path;
  }
  // What `body` gives in the namespace: small numbers. An error of entering is printed.
  int Run(const std::function<int()>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto done = EnterMountNamespace(PlanMounts(exec, sources));
      if (!done) {
        const std::string text = done.error().ToString() + "\n";
        static_cast<void>(::write(2, text.data(), text.size()) > 0);
        ::_exit(kNoNamespace);
      }
      ::_exit(body());
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  // The errno of making a file in a folder; 0: it can be made.
  static int TryWrite(const std::string& folder) {
    const std::string path = folder + "/inro-try";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    ::close(fd);
    ::unlink(path.c_str());
    return 0;
  }
  static int Entries(const std::string& folder) {
    int count = 0;
    if (DIR* const directory = ::opendir(folder.c_str())) {
      while (::readdir(directory) != nullptr) ++count;
      ::closedir(directory);
    }
    return count - 2;
  }
  static int Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0 ? 1 : 0; }

  unit::ExecSettings exec;
  MountSources sources;
  std::optional<sys::TempDir> folder_;
};

TEST_F(MountNamespace, ReadOnlyPathsWithWritableOnesInThem) {
  const std::string outer = Folder("outer");
  const std::string inner = Folder("outer/inner");
  const std::string again = Folder("outer/inner/again");
  exec.sandbox.read_only = {{outer, false, false}, {again, false, false}};
  exec.sandbox.read_write = {{inner, false, false}};
  EXPECT_EQ(Run([&] { return TryWrite(outer); }), EROFS);
  EXPECT_EQ(Run([&] { return TryWrite(inner); }), 0);
  EXPECT_EQ(Run([&] { return TryWrite(again); }), EROFS);
  EXPECT_EQ(TryWrite(outer), 0) << "the system outside is not touched";
}

TEST_F(MountNamespace, AbsentPathsAreErrorsUnlessOptional) {
  exec.sandbox.read_only = {{"/no/such/path", true, false}};
  EXPECT_EQ(Run([] { return 0; }), 0);
  exec.sandbox.read_only = {{"/no/such/path", false, false}};
  EXPECT_EQ(Run([] { return 0; }), kNoNamespace);
}

TEST_F(MountNamespace, InaccessiblePaths) {
  const std::string secret = File("secret/file");
  const std::string folder = Folder("secret");
  const std::string single = File("single", "hidden");
  exec.sandbox.inaccessible = {{folder, false, false}, {single, false, false}};
  // Things below are gone as well, whatever else is said about them.
  exec.sandbox.read_write = {{secret, false, false}};
  EXPECT_EQ(Run([&] { return Exists(secret); }), 0);
  EXPECT_EQ(Run([&] { return Entries(folder); }), 0);
  EXPECT_EQ(Run([&] { return TryWrite(folder); }), EROFS);
  EXPECT_EQ(Run([&] {
              const auto text = sys::ReadFile(single);
              return text && !text->empty() ? 1 : 0;
            }),
            0);
}

TEST_F(MountNamespace, ProtectSystem) {
  const std::string own = Folder("own");
  exec.sandbox.protect_system = unit::ProtectSystem::kYes;
  EXPECT_EQ(Run([] { return TryWrite("/usr"); }), EROFS);
  EXPECT_EQ(Run([] { return TryWrite("/etc"); }), 0);
  exec.sandbox.protect_system = unit::ProtectSystem::kFull;
  EXPECT_EQ(Run([] { return TryWrite("/etc"); }), EROFS);
  EXPECT_EQ(Run([&] { return TryWrite(own); }), 0);
  exec.sandbox.protect_system = unit::ProtectSystem::kStrict;
  EXPECT_EQ(Run([&] { return TryWrite(own); }), EROFS);
  EXPECT_EQ(Run([] { return TryWrite("/dev"); }), 0);
  sources.directories = {own};
  EXPECT_EQ(Run([&] { return TryWrite(own); }), 0);
  EXPECT_EQ(Run([] { return TryWrite("/var"); }), EROFS);
}

TEST_F(MountNamespace, ProtectHome) {
  using unit::ProtectHome;
  exec.sandbox.protect_home = ProtectHome::kYes;
  EXPECT_EQ(Run([] { return Entries("/root"); }), 0);
  exec.sandbox.protect_home = ProtectHome::kReadOnly;
  EXPECT_EQ(Run([] { return TryWrite("/root"); }), EROFS);
  exec.sandbox.protect_home = ProtectHome::kTmpfs;
  exec.sandbox.binds = {{Folder("bound"), "/root/bound"}};
  EXPECT_EQ(Run([] { return Entries("/root") * 10 + TryWrite("/root/bound"); }), 10);
  EXPECT_EQ(Run([] { return TryWrite("/root"); }), 0) << "as under systemd";
}

TEST_F(MountNamespace, BindPaths) {
  const std::string source = Folder("source");
  File("source/file", "bound");
  const std::string file = File("single", "single");
  exec.sandbox.binds = {{source, folder_->path() + "/new/place"},
                        {source, folder_->path() + "/read-only", false, true},
                        {file, folder_->path() + "/new/file"},
                        {"/no/such/source", "/mnt", true}};
  const std::string base = folder_->path();
  EXPECT_EQ(Run([&] { return TryWrite(base + "/new/place"); }), 0);
  EXPECT_EQ(Run([&] { return TryWrite(base + "/read-only"); }), EROFS);
  EXPECT_EQ(Run([&] { return Exists(base + "/read-only/file"); }), 1);
  EXPECT_EQ(Run([&] { return sys::ReadFile(base + "/new/file").value_or("") == "single" ? 1 : 0; }),
            1);
  EXPECT_EQ(Exists(base + "/new/place/file"), 0) << "the system outside is not touched";
}

TEST_F(MountNamespace, TemporaryFileSystem) {
  const std::string folder = Folder("filled");
  File("filled/file");
  File("filled/kept/file");
  exec.sandbox.temporary = {{folder, ""}};
  EXPECT_EQ(Run([&] { return Entries(folder) * 10 + TryWrite(folder); }), 0);
  exec.sandbox.temporary = {{folder, "ro,size=1m"}};
  exec.sandbox.binds = {{folder + "/kept", folder + "/kept", false, true}};
  EXPECT_EQ(Run([&] { return TryWrite(folder); }), EROFS);
  EXPECT_EQ(Run([&] { return Entries(folder) * 10 + Exists(folder + "/kept/file"); }), 11);
}

TEST_F(MountNamespace, ExecAndNoExecPaths) {
  const std::string outer = Folder("outer");
  const std::string inner = Folder("outer/inner");
  exec.sandbox.no_exec = {{outer, false, false}};
  exec.sandbox.exec = {{inner, false, false}};
  const auto no_exec = [](const std::string& path) {
    struct statvfs info{};
    return ::statvfs(path.c_str(), &info) == 0 && (info.f_flag & ST_NOEXEC) != 0 ? 1 : 0;
  };
  EXPECT_EQ(Run([&] { return no_exec(outer) * 10 + no_exec(inner); }), 10);
}

TEST_F(MountNamespace, PrivateTmp) {
  sources.tmp = Folder("tmp");
  sources.var_tmp = Folder("var-tmp");
  exec.sandbox.private_tmp = true;
  exec.sandbox.protect_system = unit::ProtectSystem::kStrict;
  EXPECT_EQ(Run([] { return Entries("/tmp") * 10 + TryWrite("/tmp"); }), 0);
  EXPECT_EQ(Run([] {
              return sys::WriteFile("/tmp/a", "x") && sys::WriteFile("/var/tmp/b", "x") ? 1 : 0;
            }),
            1);
  EXPECT_EQ(Exists(sources.tmp + "/a") + Exists(sources.var_tmp + "/b"), 2);
}

TEST_F(MountNamespace, PrivateDevices) {
  exec.sandbox.private_devices = true;
  EXPECT_EQ(Run([] {
              for (const char* path : {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom",
                                       "/dev/tty", "/dev/ptmx", "/dev/fd", "/dev/shm"}) {
                if (!Exists(path) && std::string(path) != "/dev/ptmx") return 1;
              }
              for (const char* path : {"/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/console"}) {
                if (Exists(path)) return 2;
              }
              if (!sys::WriteFile("/dev/null", "x")) return 3;
              if (TryWrite("/dev") != EROFS) return 4;
              return TryWrite("/dev/shm") == 0 ? 0 : 5;
            }),
            0);
}

TEST_F(MountNamespace, KernelSettings) {
  exec.sandbox.protect_kernel_tunables = true;
  exec.sandbox.protect_kernel_logs = true;
  exec.sandbox.protect_kernel_modules = true;
  exec.sandbox.protect_control_groups = true;
  const auto open_for_writing = [](const char* path) {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
  };
  EXPECT_EQ(Run([&] { return open_for_writing("/proc/sys/kernel/domainname"); }), EROFS);
  EXPECT_EQ(Run([&] { return TryWrite("/sys"); }), EROFS);
  EXPECT_EQ(Run([] {
              // What opens is an empty stand-in.
              return sys::ReadFile("/proc/kmsg").value_or("") +
                                 sys::ReadFile("/dev/kmsg").value_or("") ==
                             ""
                         ? 0
                         : 1;
            }),
            0);
  if (Exists("/usr/lib/modules")) {
    EXPECT_EQ(Run([] { return Entries("/usr/lib/modules"); }), 0);
  }
  EXPECT_EQ(Run([] {
              struct statvfs info{};
              return ::statvfs("/sys/fs/cgroup", &info) == 0 && (info.f_flag & ST_RDONLY) ? 0 : 1;
            }),
            0);
}

TEST_F(MountNamespace, ProcOfItsOwn) {
  exec.sandbox.proc_subset_pid = true;
  exec.sandbox.protect_proc = unit::ProtectProc::kInvisible;
  exec.sandbox.protect_kernel_tunables = true;
  EXPECT_EQ(Run([] { return Exists("/proc/meminfo") * 2 + Exists("/proc/self/status"); }), 1);
  EXPECT_EQ(Run([] {
              if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 ||
                  ::setresuid(65534, 65534, 65534) != 0) {
                return 2;
              }
              return Exists("/proc/1");
            }),
            0);
}

TEST_F(MountNamespace, RootDirectory) {
  const std::string root = Folder("root");
  File("root/etc/name", "inner");
  Folder("root/var/tmp");
  const std::string bound = Folder("bound");
  exec.root_directory = root;
  exec.sandbox.binds = {{bound, "/srv/data"}};
  exec.sandbox.read_only = {{root + "/etc", false, false}, {"/usr", false, false}};
  EXPECT_EQ(Run([] {
              if (sys::ReadFile("/etc/name").value_or("") != "inner") return 1;
              if (!Exists("/proc/self/status") || !Exists("/dev/null") || !Exists("/sys")) return 2;
              if (TryWrite("/srv/data") != 0 || TryWrite("/etc") != EROFS) return 3;
              if (Exists("/usr/bin/env") || Entries("/run") != 0) return 4;
              // No way back: the parent of the root is the root.
              return Exists("/../etc/hostname") + Exists("/../../usr/bin/env");
            }),
            0);
  sources.mount_api = false;
  EXPECT_EQ(Run([] { return Exists("/proc/self"); }), 0);
}

TEST_F(MountNamespace, LinksAreFollowedInsideTheRoot) {
  const std::string root = Folder("root");
  Folder("root/real");
  ASSERT_EQ(::symlink("/real", (root + "/link").c_str()), 0);
  exec.root_directory = root;
  exec.sandbox.read_only = {{"/link", false, true}};
  EXPECT_EQ(Run([] { return TryWrite("/real"); }), EROFS);
}

TEST_F(MountNamespace, CredentialsOfOthersAreHidden) {
  ASSERT_TRUE(sys::MakeDirectories("/run/credentials/inro-test-a.service"));
  ASSERT_TRUE(sys::MakeDirectories("/run/credentials/inro-test-b.service"));
  sources.credentials = "/run/credentials/inro-test-a.service";
  exec.sandbox.private_mounts = true;
  EXPECT_EQ(Run([] {
              return Exists("/run/credentials/inro-test-a.service") * 10 +
                     Exists("/run/credentials/inro-test-b.service");
            }),
            10);
  ::rmdir("/run/credentials/inro-test-a.service");
  ::rmdir("/run/credentials/inro-test-b.service");
}

TEST_F(MountNamespace, FoldersOfADynamicUser) {
  const std::string own = Folder("private/own");
  Folder("private/other");
  sources.directories = {own};
  exec.dynamic_user = true;
  exec.sandbox.protect_system = unit::ProtectSystem::kStrict;
  const std::string above = folder_->path() + "/private";
  EXPECT_EQ(Run([&] { return Entries(above) * 100 + TryWrite(own); }), 100);
}

TEST(MountPlan, ParentsComeFirstAndEachPathOnce) {
  unit::ExecSettings exec;
  exec.sandbox.binds = {{"/s", "/a/b"}, {"/s", "/a-b"}, {"/s", "/a"}, {"/t", "/a/b"}};
  const MountPlan plan = PlanMounts(exec, {});
  ASSERT_EQ(plan.mounts.size(), 3U);
  EXPECT_EQ(plan.mounts[0].path, "/a");
  EXPECT_EQ(plan.mounts[1].path, "/a/b");
  EXPECT_EQ(plan.mounts[1].source, "/s");
  EXPECT_EQ(plan.mounts[2].path, "/a-b");
  EXPECT_FALSE(NeedsMountNamespace(unit::ExecSettings()));
  EXPECT_TRUE(NeedsMountNamespace(exec));
}

TEST(MountList, ReadsMountPoints) {
  EXPECT_EQ(ParseMounts("22 1 0:2 / / rw shared:1 - ext4 a b\n"
                        "23 22 0:3 /x /a\\040b rw - tmpfs t rw\nbroken\n23 22 0:3 /x /a\\040b rw"),
            (std::vector<std::string>{"/", "/a b"}));
}

}  // namespace
}  // namespace inro::guest::sandbox
