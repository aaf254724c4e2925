#include "image/source/host_sources.h"

#include <gtest/gtest.h>

#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::string_view kOneLine =
    "# deb http://no/debian bookworm main\n"
    "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian/ bookworm main contrib # x\n"
    "deb-src http://src/debian bookworm main\n"
    "deb broken\n"
    "deb http://sec.example/debian-security bookworm-security main\n";

constexpr std::string_view kDeb822 =
    "# comment\n"
    "Types: deb deb-src\n"
    "URIs: http://one.example/debian\n"
    "# in between\n"
    "Suites: bookworm bookworm-updates\n"
    "Components: main\n"
    "\n"
    "Types: deb\n"
    "URIs: http://off.example/debian\n"
    "Suites: bookworm\n"
    "Enabled: no\n"
    "\n"
    "Types: deb\n"
    "URIs: http://two.example/debian-security/\n"
    "Suites: bookworm-security\n";

TEST(HostSources, OneLineStyle) {
  const auto sources = ParseOneLineSources(kOneLine);
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].uri, "http://mirror.example/debian");
  EXPECT_EQ(sources[0].suite, "bookworm");
  EXPECT_EQ(sources[1].uri, "http://sec.example/debian-security");
}

TEST(HostSources, Deb822Style) {
  const auto sources = ParseDeb822Sources(kDeb822);
  ASSERT_EQ(sources.size(), 3u);
  EXPECT_EQ(sources[1].uri, "http://one.example/debian");
  EXPECT_EQ(sources[1].suite, "bookworm-updates");
  EXPECT_EQ(sources[2].uri, "http://two.example/debian-security");
}

TEST(HostSources, MirrorOfTheSuiteElseOfAnotherOfDebian) {
  const auto sources = ParseDeb822Sources(kDeb822);
  EXPECT_EQ(FindMirror(sources, "bookworm"), "http://one.example/debian");
  EXPECT_EQ(FindMirror(sources, "trixie"), "http://one.example/debian");
  EXPECT_EQ(FindMirror(sources, "trixie-security"), "http://two.example/debian-security");
}

TEST(HostSources, OtherDistributionsAndTransportsDoNotCount) {
  EXPECT_EQ(FindMirror({{"http://archive.ubuntu.com/ubuntu", "jammy"}}, "bookworm"), "");
  EXPECT_EQ(FindMirror({{"mirror+file:/etc/apt/mirrors/debian.list", "bookworm"}}, "bookworm"), "");
  EXPECT_EQ(FindMirror({}, "bookworm"), "");
}

TEST(HostSources, FilesOfAFolderInOrder) {
  const sys::TempDir folder = *sys::TempDir::Create("apt");
  const std::string parts = folder.path() + "/sources.list.d";
  ASSERT_TRUE(sys::MakeDirectories(parts));
  ASSERT_TRUE(sys::WriteFile(folder.path() + "/sources.list", "deb http://first/d bookworm main"));
  ASSERT_TRUE(sys::WriteFile(parts + "/b.list", "deb http://third/d bookworm main\n"));
  ASSERT_TRUE(sys::WriteFile(parts + "/a.sources",
                             "Types: deb\nURIs: http://second/d\nSuites: bookworm\n"));
  ASSERT_TRUE(sys::WriteFile(parts + "/c.disabled", "deb http://no/d bookworm main\n"));
  const auto sources = ReadHostSources(folder.path());
  ASSERT_EQ(sources.size(), 3u);
  EXPECT_EQ(sources[0].uri, "http://first/d");
  EXPECT_EQ(sources[1].uri, "http://second/d");
  EXPECT_EQ(sources[2].uri, "http://third/d");
  EXPECT_TRUE(ReadHostSources(folder.path() + "/absent").empty());
}

}  // namespace
}  // namespace inro::image
