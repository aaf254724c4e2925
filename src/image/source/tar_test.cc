#include "image/source/tar.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "image/source/directory.h"
#include "image/source/mmdebstrap.h"
#include "image/source/sample_deb.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr const char* kStatus =
    "Package: bash\nStatus: install ok installed\nVersion: 5\nArchitecture: amd64\n";

TEST(ImportTar, KeepsEntriesAndReadsPackages) {
  const sys::TempDir folder = *sys::TempDir::Create("tar");
  const std::string path = folder.path() + "/root.tar.xz";
  sample::Entry tool = sample::File("./bin/tool", "tool", 04755);
  tool.uid = 7;
  ASSERT_TRUE(sys::WriteFile(path, sample::Tar({sample::Folder("./", 0750), tool,
                                                sample::HardLink("./bin/twin", "./bin/tool"),
                                                sample::File("./etc/F\xc5\x91", "x"),
                                                sample::File("./var/lib/dpkg/status", kStatus)},
                                               "xz")));
  SilentProgress silent;
  const auto source = ImportTar(path, silent);
  ASSERT_TRUE(source) << source.error().ToString();
  EXPECT_EQ(source->tree.Find("")->mode, 0750u);
  EXPECT_EQ(source->tree.Find("bin/tool")->mode, 04755u);
  EXPECT_EQ(source->tree.Find("bin/tool")->uid, 7u);
  EXPECT_EQ(source->tree.Find("bin/twin")->content.view().data(),
            source->tree.Find("bin/tool")->content.view().data());
  EXPECT_TRUE(source->tree.Contains("etc/F\xc5\x91"));
  ASSERT_EQ(source->packages.size(), 1u);
  EXPECT_EQ(source->packages[0].name, "bash");
}

TEST(ImportTar, RefusesWhatIsAbsentEscapesOrIsNoArchive) {
  const sys::TempDir folder = *sys::TempDir::Create("tar");
  const std::string path = folder.path() + "/root.tar";
  SilentProgress silent;
  EXPECT_EQ(ImportTar(path, silent).error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(ImportTar(folder.path(), silent).error().kind(), ErrorKind::kBadInput);
  ASSERT_TRUE(sys::WriteFile(path, "this is no archive"));
  EXPECT_EQ(ImportTar(path, silent).error().kind(), ErrorKind::kFailed);
  ASSERT_TRUE(sys::WriteFile(path, sample::Tar({sample::File("../evil", "x")})));
  EXPECT_EQ(ImportTar(path, silent).error().kind(), ErrorKind::kFailed);
}

TEST(ImportDirectory, KeepsModesLinksAndPackages) {
  const sys::TempDir folder = *sys::TempDir::Create("directory");
  ASSERT_TRUE(sys::MakeDirectories(folder.path() + "/var/lib/dpkg"));
  ASSERT_TRUE(sys::WriteFile(folder.path() + "/var/lib/dpkg/status", kStatus));
  ASSERT_EQ(chmod((folder.path() + "/var/lib/dpkg/status").c_str(), 0640), 0);
  ASSERT_EQ(symlink("/nowhere", (folder.path() + "/link").c_str()), 0);
  SilentProgress silent;
  const auto source = ImportDirectory(folder.path(), silent);
  ASSERT_TRUE(source) << source.error().ToString();
  EXPECT_EQ(source->tree.Find("var/lib/dpkg/status")->mode, 0640u);
  EXPECT_EQ(source->tree.Find("var/lib/dpkg/status")->uid, getuid());
  EXPECT_EQ(source->tree.Find("link")->target, "/nowhere");
  EXPECT_EQ(source->packages.size(), 1u);
  EXPECT_EQ(ImportDirectory(folder.path() + "/none", silent).error().kind(), ErrorKind::kBadInput);
}

TEST(Mmdebstrap, CommandHasTheRequestAndRefusesExclusions) {
  AptOptions options;
  options.suite = "bookworm";
  options.mirror = "http://mirror.example/debian";
  options.security_mirror = "http://mirror.example/security";
  options.packages = {"chrony", "kmod"};
  options.keyring = "/dev/null";
  const auto command = MmdebstrapCommand(options, "/x.tar");
  ASSERT_TRUE(command) << command.error().ToString();
  EXPECT_EQ(std::count(command->begin(), command->end(), "--include=chrony,kmod"), 1);
  EXPECT_EQ(command->back(),
            "deb [signed-by=/dev/null] http://mirror.example/security bookworm-security main");
  options.exclude = {"kmod"};
  EXPECT_EQ(MmdebstrapCommand(options, "/x.tar").error().kind(), ErrorKind::kBadInput);
}

}  // namespace
}  // namespace inro::image
