#include "image/source/deb.h"

#include <gtest/gtest.h>

#include "image/source/sample_deb.h"

namespace inro::image {
namespace {

using sample::Control;
using sample::Entry;
using sample::File;
using sample::Folder;
using sample::HardLink;
using sample::Symlink;

std::string Sample(const char* filter) {
  Entry device{.path = "./dev/null", .type = AE_IFCHR, .mode = 0666, .major = 1, .minor = 3};
  Entry tool = File("./usr/bin/tool", "#!/bin/sh\n", 04755);
  tool.uid = 3;
  tool.gid = 42;
  tool.xattrs["security.capability"] = std::string("\1\0\0\2", 4);
  return sample::Deb(
      {Control("tool"), File("./conffiles", "/etc/tool.conf\nremove-on-upgrade /etc/old\n"),
       File("./postinst", "#!/bin/sh\nexit 0\n", 0755), File("./md5sums", "x\n"),
       File("./config", "#!/bin/sh\n", 0755)},
      {Folder("./"), Folder("./usr/bin/"), tool, HardLink("./usr/bin/twin", "./usr/bin/tool"),
       Symlink("./usr/bin/alias", "tool"), device,
       File("./etc/tool.conf", std::string(200000, 'c'))},
      filter);
}

void ExpectSample(const Deb& deb) {
  EXPECT_EQ(ControlField(deb.control, "Package"), "tool");
  EXPECT_TRUE(deb.control.ends_with("sample\n"));
  ASSERT_EQ(deb.scripts.size(), 2u);
  EXPECT_EQ(deb.scripts[0].first, "config");
  EXPECT_EQ(deb.scripts[1], std::pair(std::string("postinst"), std::string("#!/bin/sh\nexit 0\n")));
  EXPECT_EQ(deb.conffiles, std::vector<std::string>{"etc/tool.conf"});
  ASSERT_EQ(deb.entries.size(), 7u);
  EXPECT_EQ(deb.entries[0].path, "");
  const Node& tool = deb.entries[2].node;
  EXPECT_EQ(deb.entries[2].path, "usr/bin/tool");
  EXPECT_EQ(tool.mode, 04755u);
  EXPECT_EQ(tool.uid, 3u);
  EXPECT_EQ(tool.gid, 42u);
  EXPECT_EQ(tool.content.view(), "#!/bin/sh\n");
  EXPECT_EQ(tool.xattrs.at("security.capability"), std::string("\1\0\0\2", 4));
  EXPECT_EQ(deb.entries[3].hard_link, "usr/bin/tool");
  EXPECT_EQ(deb.entries[4].node.type, NodeType::kSymlink);
  EXPECT_EQ(deb.entries[4].node.target, "tool");
  EXPECT_EQ(deb.entries[5].node.type, NodeType::kCharDevice);
  EXPECT_EQ(deb.entries[5].node.major, 1u);
  EXPECT_EQ(deb.entries[5].node.minor, 3u);
  EXPECT_EQ(deb.entries[6].node.content.size(), 200000u);
}

class DebCompression : public testing::TestWithParam<const char*> {};

TEST_P(DebCompression, IsRead) {
  const auto deb = ReadDeb(Sample(GetParam()), "tool");
  ASSERT_TRUE(deb) << deb.error().ToString();
  ExpectSample(*deb);
}

TEST_P(DebCompression, SurvivesRepacking) {
  const auto fast = RepackDeb(Sample(GetParam()), "tool");
  ASSERT_TRUE(fast) << fast.error().ToString();
  const auto deb = ReadDeb(*fast, "tool");
  ASSERT_TRUE(deb) << deb.error().ToString();
  ExpectSample(*deb);
}

INSTANTIATE_TEST_SUITE_P(All, DebCompression, testing::Values("xz", "zstd", "gzip", "none"));

TEST(Deb, TruncatedAnywhereIsAnError) {
  const std::string bytes = Sample("xz");
  for (std::size_t size = 0; size + 1 < bytes.size(); size += 7) {
    const auto deb = ReadDeb(std::string_view(bytes).substr(0, size), "tool");
    ASSERT_FALSE(deb) << size;
    EXPECT_EQ(deb.error().kind(), ErrorKind::kFailed);
    EXPECT_NE(deb.error().ToString().find("tool"), std::string::npos);
  }
}

TEST(Deb, ChangedByteOfARepackedPackageIsFoundOrWithoutEffect) {
  const std::string bytes = *RepackDeb(Sample("xz"), "tool");
  std::size_t found = 0;
  // Every byte of the last member's compressed content.
  const std::size_t start = bytes.rfind("`\n") + 2;
  for (std::size_t at = start; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    if (const auto deb = ReadDeb(changed, "tool")) {
      ExpectSample(*deb);  // an unused bit of the frame's header
    } else {
      ++found;
    }
  }
  EXPECT_GE(found + 8, bytes.size() - start);
}

TEST(Deb, PathsThatLeaveTheRootAreRefused) {
  for (const Entry& bad : {File("../evil", "x"), File("./usr/../../evil", "x"),
                           HardLink("./evil", "../../etc/shadow"), Symlink("usr/../..", "x")}) {
    const auto deb = ReadDeb(sample::Deb({Control("tool")}, {bad}), "tool 1.0");
    ASSERT_FALSE(deb) << bad.path;
    EXPECT_EQ(deb.error().kind(), ErrorKind::kFailed);
    EXPECT_NE(deb.error().ToString().find("refused"), std::string::npos) << deb.error().ToString();
  }
}

TEST(Deb, MoreThanTheLimitIsRefused) {
  const std::string bomb =
      sample::Deb({Control("tool")}, {File("./zeros", std::string(3'000'000, '\0'))});
  EXPECT_LT(bomb.size(), 10'000u);
  EXPECT_TRUE(ReadDeb(bomb, "tool", 4'000'000));
  EXPECT_FALSE(ReadDeb(bomb, "tool", 1'000'000));
}

TEST(Deb, WithoutControlOrPackageNameIsRefused) {
  EXPECT_FALSE(ReadDeb("!<arch>\n" + sample::ArMember("debian-binary", "2.0\n"), "x"));
  EXPECT_FALSE(ReadDeb(sample::Deb({File("./control", "Version: 1\n")}, {}), "x"));
  EXPECT_FALSE(ReadDeb("", "x"));
  EXPECT_FALSE(ReadDeb("!<arch>\nshort", "x"));
}

TEST(Deb, FieldsAreFoundByNameInAnyCase) {
  constexpr std::string_view kText = "Package: a\nDepends: b,\n c\nX-Package: no\nVersion:1\n";
  EXPECT_EQ(ControlField(kText, "package"), "a");
  EXPECT_EQ(ControlField(kText, "Depends"), "b,");
  EXPECT_EQ(ControlField(kText, "Version"), "1");
  EXPECT_EQ(ControlField(kText, "Vers"), "");
  EXPECT_EQ(ControlField("", "Package"), "");
}

}  // namespace
}  // namespace inro::image
