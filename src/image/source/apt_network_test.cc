// Against the real archive; skipped with a notice when its mirror cannot be reached.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/source/apt.h"
#include "sys/file.h"

namespace inro::image {
namespace {

AptOptions Request(const std::string& suite, const std::string& cache) {
  AptOptions options;
  options.suite = suite;
  options.cache_dir = cache;
  options.packages = {"base-files", "systemd", "chrony", "iptables", "usr-is-merged"};
  return options;
}

bool Unreachable(const Error& error) {
  return error.ToString().find("cannot reach the mirror") != std::string::npos;
}

class AptNetwork : public testing::TestWithParam<const char*> {};

TEST_P(AptNetwork, ResolvesAndUnpacks) {
  SilentProgress silent;
  const auto source = FetchApt(Request(GetParam(), INRO_BINARY_DIR "/test-cache"), silent);
  if (!source && Unreachable(source.error())) GTEST_SKIP() << source.error().ToString();
  ASSERT_TRUE(source) << source.error().ToString();
  const Tree& tree = source->tree;
  for (const char* path : {"tmp", "usr/bin/chage", "usr/sbin/chronyd"}) {
    ASSERT_TRUE(tree.Contains(path)) << path;
  }
  EXPECT_EQ(tree.Find("tmp")->mode, 01777u);
  EXPECT_EQ(tree.Find("usr/bin/chage")->mode, 02755u);
  EXPECT_EQ(tree.Find("usr/bin/chage")->gid, 42u);
  EXPECT_EQ(tree.Find("usr/sbin/chronyd")->origin, "chrony");
  EXPECT_TRUE(tree.Resolve("/lib/systemd/systemd"));
  EXPECT_FALSE(source->dpkg_control.contains("usrmerge"));
}

TEST_P(AptNetwork, UnknownNamesAreBadInput) {
  AptOptions options = Request(GetParam(), INRO_BINARY_DIR "/test-cache");
  options.packages = {"chronny"};
  SilentProgress silent;
  const auto source = FetchApt(options, silent);
  ASSERT_FALSE(source);
  if (Unreachable(source.error())) GTEST_SKIP() << source.error().ToString();
  EXPECT_EQ(source.error().kind(), ErrorKind::kBadInput);
  EXPECT_NE(source.error().ToString().find("did you mean chrony"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Suites, AptNetwork, testing::Values("bookworm", "trixie"));

TEST(AptNetworkUser, WorksAsNobody) {
  if (getuid() != 0) GTEST_SKIP() << "the other tests run as an ordinary user already";
  constexpr uid_t kNobody = 65534;
  const sys::TempDir folder = *sys::TempDir::Create("nobody");
  ASSERT_EQ(chown(folder.path().c_str(), kNobody, kNobody), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(10);
    SilentProgress silent;
    const auto source = FetchApt(Request("bookworm", folder.path()), silent);
    if (!source) _exit(Unreachable(source.error()) ? 77 : 11);
    const Node* chage = source->tree.Find("usr/bin/chage");
    _exit(chage != nullptr && chage->mode == 02755 && chage->gid == 42 && chage->uid == 0 ? 0 : 12);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "the mirror cannot be reached";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace inro::image
