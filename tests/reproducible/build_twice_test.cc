// The same definition, built in two places, at two times, with two umasks, caches, time zones and
// folders for temporary files, and where this runs as root by two users: every artifact has the
// same bytes.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "image/tree/digest.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro {
namespace {

constexpr char kProgram[] = INRO_BINARY_DIR "/inro";

struct Build {
  std::string definition;
  std::string out;
  std::string umask;
  std::string cache;  // empty: the user's
  std::vector<std::string> more;
  bool as_nobody = false;
  sys::RunOptions run = {};
};

// How a command is run as an ordinary user. Only root can.
const std::vector<std::string> kAsNobody = {"setpriv", "--reuid=65534", "--regid=65534",
                                            "--clear-groups"};

// Whether this is root, and an ordinary user can reach the program that was built.
bool NobodyCanBuild() {
  if (geteuid() != 0) return false;
  std::vector<std::string> argv = kAsNobody;
  argv.insert(argv.end(), {"test", "-x", kProgram});
  const auto reached = sys::Run(argv);
  return reached && reached->status == 0;
}

Result<sys::RunOutput> RunBuild(const Build& build) {
  std::vector<std::string> argv;
  if (build.as_nobody) argv = kAsNobody;
  const std::vector<std::string> command = {"sh",
                                            "-c",
                                            "umask \"$0\" && exec \"$@\"",
                                            build.umask,
                                            kProgram,
                                            "build",
                                            build.definition,
                                            "--out",
                                            build.out,
                                            "--quiet"};
  argv.insert(argv.end(), command.begin(), command.end());
  if (!build.cache.empty()) argv.insert(argv.end(), {"--cache", build.cache});
  argv.insert(argv.end(), build.more.begin(), build.more.end());
  return sys::Run(argv, build.run);
}

// Copies a definition to another place, so that no path of it can be the same.
std::string CopyTo(const std::string& name, const std::string& folder) {
  const std::string target = folder + "/" + name;
  EXPECT_TRUE(sys::MakeDirectories(folder));
  EXPECT_TRUE(sys::RunOrFail({"cp", "-r", INRO_SOURCE_DIR "/images/" + name, target}));
  return target;
}

void ExpectSame(const std::string& name, const std::vector<std::string>& files) {
  auto first = sys::TempDir::Create("inro-first-");
  auto second = sys::TempDir::Create("inro-second-place-");
  ASSERT_TRUE(first && second);
  // Strict: of a definition that comes with inro, nothing is left undone under either init.
  const auto a = RunBuild(
      {CopyTo(name, first->path() + "/a"), first->path() + "/out", "022", "", {"--strict"}});
  ASSERT_TRUE(a) << a.error().ToString();
  if (a->status != 0 && a->err.find("cannot reach the mirror") != std::string::npos) {
    GTEST_SKIP() << a->err;
  }
  ASSERT_EQ(a->status, 0) << a->err;
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // another second
  // A second run must not simply read what the first one cached.
  ASSERT_TRUE(sys::MakeDirectories(second->path() + "/cache"));
  const char* home = getenv("HOME");
  const std::string used = std::string(home == nullptr ? "" : home) + "/.cache/inro";
  if (sys::Exists(used)) {
    ASSERT_TRUE(sys::RunOrFail({"cp", "-r", used, second->path() + "/cache/inro"}));
    ASSERT_TRUE(sys::RemoveAll(second->path() + "/cache/inro/bodies"));
  }
  Build other;
  other.definition = CopyTo(name, second->path() + "/deeper/down");
  other.out = second->path() + "/o";
  other.umask = "077";
  other.cache = second->path() + "/cache/inro";
  other.as_nobody = NobodyCanBuild();
  other.run.working_directory = second->path();
  other.run.environment = {"TMPDIR=" + second->path() + "/t", "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8",
                           "HOME=" + second->path()};
  ASSERT_TRUE(sys::MakeDirectories(second->path() + "/t"));
  if (other.as_nobody) {
    ASSERT_TRUE(sys::RunOrFail({"chown", "-R", "65534:65534", second->path()}));
  } else {
    std::puts("notice: both builds by the same user (not root, or the build folder is private)");
  }
  const auto b = RunBuild(other);
  ASSERT_TRUE(b) << b.error().ToString();
  ASSERT_EQ(b->status, 0) << b->err;
  for (const std::string& file : files) {
    const auto one = sys::ReadFile(first->path() + "/out/" + file);
    const auto two = sys::ReadFile(second->path() + "/o/" + file);
    ASSERT_TRUE(one && two) << file;
    EXPECT_EQ(image::Sha256Hex(*one), image::Sha256Hex(*two)) << file;
    struct stat status;
    ASSERT_EQ(stat((second->path() + "/o/" + file).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0644u) << file << ": the umask shows";
    // No path of the machine is in an artifact.
    EXPECT_EQ(two->find(second->path()), std::string::npos) << file;
  }
}

TEST(BuildTwice, NestedInitrdAndExt4) {
  ExpectSame("debian", {"debian.img", "debian.initrd", "debian.kernel", "debian.manifest.json"});
}

TEST(BuildTwice, FlatInitrdWithFilesAndUsers) {
  ExpectSame("hello", {"hello.img", "hello.initrd", "hello.kernel", "hello.manifest.json"});
}

// Printed, not judged: how long a rebuild takes when nothing has changed.
TEST(WarmRebuild, OfTheInitrdIsPrinted) {
  auto folder = sys::TempDir::Create("inro-warm-");
  ASSERT_TRUE(folder);
  Build build{CopyTo("debian", folder->path() + "/a"),
              folder->path() + "/out",
              "022",
              "",
              {"--form", "initrd"}};
  const auto first = RunBuild(build);
  ASSERT_TRUE(first) << first.error().ToString();
  if (first->err.find("cannot reach the mirror") != std::string::npos) GTEST_SKIP() << first->err;
  ASSERT_EQ(first->status, 0) << first->err;
  const auto before = std::chrono::steady_clock::now();
  const auto again = RunBuild(build);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  ASSERT_TRUE(again && again->status == 0);
  std::printf("warm rebuild of the initrd: %.1f s\n", took.count());
}

TEST(StrictBuild, RefusesADirectiveThatIsNotEnforced) {
  auto folder = sys::TempDir::Create("inro-strict-");
  ASSERT_TRUE(folder);
  const std::string definition = CopyTo("hello", folder->path() + "/a");
  const std::string unit = definition + "/units/hello.service";
  const auto text = sys::ReadFile(unit);
  ASSERT_TRUE(text);
  ASSERT_TRUE(sys::WriteFile(unit, *text + "[Service]\nRestrictFileSystems=ext4\n"));
  const Build build{
      definition, folder->path() + "/out", "022", "", {"--form", "initrd", "--strict"}};
  const auto run = RunBuild(build);
  ASSERT_TRUE(run) << run.error().ToString();
  if (run->err.find("cannot reach the mirror") != std::string::npos) GTEST_SKIP() << run->err;
  EXPECT_NE(run->status, 0);
  EXPECT_NE(run->err.find("--strict: "), std::string::npos) << run->err;
  EXPECT_NE(run->err.find("RestrictFileSystems"), std::string::npos) << run->err;
  EXPECT_FALSE(sys::Exists(folder->path() + "/out"));
}

TEST(FailedBuild, LeavesNothingBehind) {
  auto folder = sys::TempDir::Create("inro-bad-");
  ASSERT_TRUE(folder);
  const std::string text =
      "[source]\nkind = \"apt\"\nsuite = \"bookworm\"\npackages = [\n  \"dash\",\n"
      "  \"no-such-package\",\n]\n";
  ASSERT_TRUE(sys::WriteFile(folder->path() + "/image.toml", text));
  const auto run = RunBuild({folder->path(), folder->path() + "/out", "022", "", {}});
  ASSERT_TRUE(run) << run.error().ToString();
  if (run->err.find("cannot reach the mirror") != std::string::npos) GTEST_SKIP() << run->err;
  EXPECT_EQ(run->status, 2) << run->err;
  EXPECT_NE(run->err.find("image.toml:6: "), std::string::npos) << run->err;
  EXPECT_NE(run->err.find("no-such-package"), std::string::npos) << run->err;
  EXPECT_FALSE(sys::Exists(folder->path() + "/out")) << "an output folder was left";
}

}  // namespace
}  // namespace inro
