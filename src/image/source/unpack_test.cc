#include "image/source/unpack.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "image/source/sample_deb.h"
#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image {
namespace {

using sample::Control;
using sample::Entry;
using sample::File;
using sample::Folder;
using sample::HardLink;
using sample::Symlink;

// A cache in a temporary folder, filled with packages made here.
class UnpackTest : public testing::Test {
 protected:
  Package Add(const std::string& name, const std::vector<Entry>& data,
              std::vector<Entry> control = {}) {
    control.push_back(Control(name));
    const std::string bytes = sample::Deb(control, data);
    Package package;
    package.name = name;
    package.version = "1.0";
    package.sha256 = Sha256Hex(bytes);
    package.size = bytes.size();
    package.installed_size = 1024;
    const std::string file = folder_.path() + "/fetched";
    EXPECT_TRUE(sys::WriteFile(file, bytes));
    EXPECT_TRUE(cache_.Adopt(package, file));
    return package;
  }

  Result<SourceTree> Unpack(std::vector<Package> packages) {
    return UnpackPackages(cache_, std::move(packages), progress_);
  }

  sys::TempDir folder_ = *sys::TempDir::Create("unpack");
  PackageCache cache_{folder_.path() + "/packages"};
  SilentProgress progress_;
};

TEST(MergedPath, MovesTheTopLevelFolders) {
  EXPECT_EQ(MergedPath("bin/sh"), "usr/bin/sh");
  EXPECT_EQ(MergedPath("lib/x/y"), "usr/lib/x/y");
  EXPECT_EQ(MergedPath("lib64/ld.so"), "usr/lib64/ld.so");
  EXPECT_EQ(MergedPath("lib64"), "");
  EXPECT_EQ(MergedPath("sbin"), "");
  EXPECT_EQ(MergedPath("library/x"), "library/x");
  EXPECT_EQ(MergedPath("usr/bin/sh"), "usr/bin/sh");
  EXPECT_EQ(MergedPath("lib128/x"), "lib128/x");
  EXPECT_EQ(MergedPath("etc"), "etc");
}

TEST_F(UnpackTest, MergesUsrAndKeepsWhatPackagesSay) {
  Entry shadow = File("./usr/bin/chage", "x", 02755);
  shadow.gid = 42;
  const auto source =
      Unpack({Add("dash", {Folder("./bin/", 0700), File("./bin/dash", "dash", 0755),
                           HardLink("./bin/twin", "./bin/dash"), Symlink("./bin/sh", "dash")}),
              Add("base-files", {Folder("./"), Folder("./usr/bin/"), Folder("./tmp/", 01777),
                                 Symlink("./lib64", "usr/lib64")}),
              Add("passwd", {shadow, Folder("./tmp/", 0755)})});
  ASSERT_TRUE(source) << source.error().ToString();
  const Tree& tree = source->tree;
  for (const char* name : {"bin", "sbin", "lib", "lib64"}) {
    ASSERT_TRUE(tree.Find(name)) << name;
    EXPECT_EQ(tree.Find(name)->target, std::string("usr/") + name);
    EXPECT_EQ(tree.Find(std::string("usr/") + name)->type, NodeType::kDirectory);
  }
  EXPECT_FALSE(tree.Contains("lib32"));
  EXPECT_EQ(tree.Find("usr/bin")->mode, 0755u);
  EXPECT_EQ(*tree.ReadFile("bin/sh"), "dash");
  EXPECT_EQ(tree.Find("usr/bin/twin")->content.view().data(),
            tree.Find("usr/bin/dash")->content.view().data());
  EXPECT_EQ(tree.Find("usr/bin/dash")->origin, "dash");
  EXPECT_EQ(tree.Find("usr/bin/chage")->mode, 02755u);
  EXPECT_EQ(tree.Find("usr/bin/chage")->gid, 42u);
  // base-files' word counts, although it is not the first by name.
  EXPECT_EQ(tree.Find("tmp")->mode, 01777u);
  EXPECT_EQ(tree.Find("tmp")->origin, "base-files");
  EXPECT_EQ(source->packages.size(), 3u);
  EXPECT_EQ(source->packages[1].name, "dash");
}

TEST_F(UnpackTest, ForeignLibrariesGetTheirLinkOnlyWhenUsed) {
  const auto source = Unpack({Add("lib32c", {File("./lib32/libc.so", "x")})});
  ASSERT_TRUE(source);
  EXPECT_EQ(source->tree.Find("lib32")->target, "usr/lib32");
  EXPECT_TRUE(source->tree.Contains("usr/lib32/libc.so"));
}

TEST_F(UnpackTest, FollowsLinksToFoldersAsDpkgDoes) {
  const auto source = Unpack(
      {Add("a", {Folder("./run/"), Folder("./var/"), Symlink("./var/run", "/run")}),
       Add("b", {Folder("./var/run/"), Folder("./var/run/b/"), File("./var/run/b/x", "1")})});
  ASSERT_TRUE(source) << source.error().ToString();
  EXPECT_EQ(source->tree.Find("var/run")->type, NodeType::kSymlink);
  EXPECT_TRUE(source->tree.Contains("run/b/x"));
}

TEST_F(UnpackTest, ScriptsControlAndConffilesAreCollected) {
  const auto source = Unpack(
      {Add("b", {File("./lib/b.conf", "x")},
           {File("./prerm", "p"), File("./postinst", "i"), File("./conffiles", "/lib/b.conf\n")}),
       Add("a", {File("./etc/a", "x")}, {File("./postinst", "j")})});
  ASSERT_TRUE(source);
  ASSERT_EQ(source->scripts.size(), 3u);
  EXPECT_EQ(source->scripts[0].package, "a");
  EXPECT_EQ(source->scripts[1].kind, "postinst");
  EXPECT_EQ(source->scripts[2].kind, "prerm");
  EXPECT_EQ(source->scripts[2].version, "1.0");
  EXPECT_EQ(source->conffiles.at("b"), std::vector<std::string>{"usr/lib/b.conf"});
  EXPECT_FALSE(source->conffiles.contains("a"));
  EXPECT_TRUE(source->dpkg_control.at("a").starts_with("Package: a\n"));
}

TEST_F(UnpackTest, TheOrderOfTheRequestDoesNotMatter) {
  const Package a = Add("a", {File("./etc/same", "from a")});
  const Package b = Add("b", {File("./etc/same", "from b")});
  EXPECT_EQ(Unpack({a, b})->tree.Digest(), Unpack({b, a})->tree.Digest());
}

TEST_F(UnpackTest, SecondReadNeedsTheFastFormOnly) {
  const Package package = Add("a", {File("./etc/a", "x")});
  const std::string first = Unpack({package})->tree.Digest();
  ASSERT_TRUE(sys::RemoveAll(cache_.DebPath(package)));
  EXPECT_TRUE(cache_.Contains(package));
  const auto second = Unpack({package});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->tree.Digest(), first);
}

TEST_F(UnpackTest, AnotherHashIsFoundAndTheFileRemoved) {
  Package package = Add("a", {File("./etc/a", "x")});
  std::string bytes = *sys::ReadFile(cache_.DebPath(package));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);  // the same size
  ASSERT_TRUE(sys::WriteFile(cache_.DebPath(package), bytes));
  const auto source = Unpack({package});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind(), ErrorKind::kNotFound);
  EXPECT_FALSE(cache_.Contains(package));
}

TEST_F(UnpackTest, DamagedFastFormIsMadeAgain) {
  const Package package = Add("a", {File("./etc/a", "x")});
  const std::string digest = Unpack({package})->tree.Digest();
  std::string fast = cache_.DebPath(package);
  fast.replace(fast.rfind(".deb"), 4, ".fast.deb");
  const std::string bytes = *sys::ReadFile(fast);
  ASSERT_TRUE(sys::WriteFile(fast, std::string_view(bytes).substr(0, bytes.size() / 2)));
  const auto source = Unpack({package});
  ASSERT_TRUE(source);
  EXPECT_EQ(source->tree.Digest(), digest);
  EXPECT_EQ(*sys::ReadFile(fast), bytes);
}

TEST_F(UnpackTest, HardLinkToNothingIsAnError) {
  const auto source = Unpack({Add("bad", {HardLink("./usr/bin/x", "./usr/bin/none")})});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind(), ErrorKind::kFailed);
  EXPECT_NE(source.error().ToString().find("bad"), std::string::npos);
}

}  // namespace
}  // namespace inro::image
