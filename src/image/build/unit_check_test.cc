#include <gtest/gtest.h>

#include "image/build/unit_check_files.h"
#include "image/build/unit_check_start.h"
#include "image/tree/tree_file_source.h"
#include "sys/file.h"
#include "unit/loader.h"

namespace inro::image {
namespace {

TEST(UnitCheckStart, NamesWhatIsMissing) {
  Tree tree;
  const auto put = [&](std::string_view path, std::string text, std::uint32_t mode = 0644) {
    ASSERT_TRUE(tree.Put(path, MakeFile(std::move(text), mode)));
  };
  put("usr/bin/there", "x", 0755);
  put("usr/bin/plain", "x");
  put("etc/passwd", "root:x:0:0::/root:/bin/sh\nhere:x:1:1::/:\n");
  put("etc/group", "root:x:0:\nhere:x:1:\n");
  const std::string units = "usr/lib/systemd/system/";
  put(units + "good.service",
      "[Service]\nExecStartPre=-/no/such\nExecStart=there\nUser=here\nGroup=12\n"
      "EnvironmentFile=-/etc/none\n");
  put(units + "bad.service",
      "[Service]\nExecStart=/usr/bin/plain\nUser=gone\nGroup=lost\nEnvironmentFile=/etc/none\n");
  put(units + "skipped.service",
      "[Unit]\nConditionPathExists=/etc/none\n[Service]\nExecStart=/no/such\n");
  put(units + "later.service", "[Service]\nExecStart=/run/made/later\nDynamicUser=yes\nUser=new\n");
  const TreeFileSource files(tree);
  unit::Loader loader(files, {});
  const auto reasons = [&](const char* name) { return WhyItNeverStarts(*loader.Load(name), tree); };
  EXPECT_TRUE(reasons("good.service").empty());
  EXPECT_TRUE(reasons("skipped.service").empty());
  EXPECT_TRUE(reasons("later.service").empty());
  EXPECT_EQ(
      reasons("bad.service"),
      (std::vector<std::string>{"bad.service cannot start: there is no program /usr/bin/plain",
                                "bad.service cannot start: there is no file /etc/none",
                                "bad.service cannot start: there is no user gone",
                                "bad.service cannot start: there is no group lost"}));
}

TEST(UnitCheckFiles, VerdictsWithTheirLines) {
  const CheckedUnitFile file = CheckUnitText(
      "/x/a.service",
      "[Unit]\nDescription=x\nnonsense\n[Service]\nExecStart=/bin/x\nPAMName=login\nTypo=1\n"
      "Nice=99\nCPUAccounting=yes\n[X-Own]\nA=b\n");
  EXPECT_EQ(file.problem, "");
  EXPECT_EQ(file.warnings.size(), 1U);
  std::vector<std::string> lines;
  for (const DirectiveUse& use : file.uses) {
    lines.push_back(fmt::format("{} {} {}", use.line, use.name, ToString(use.verdict)));
  }
  EXPECT_EQ(lines,
            (std::vector<std::string>{"2 Description enforced", "5 ExecStart enforced",
                                      "6 PAMName not enforced", "7 Typo unknown", "8 Nice wrong",
                                      "9 CPUAccounting harmless", "11 A harmless"}));
  EXPECT_EQ(CheckUnitText("/x/b@.service", "[Service]\n").problem,
            "ExecStart= and ExecStop= are missing");
  EXPECT_EQ(CheckUnitText("/x/a.service.d/x.conf", "[Service]\nNice=1\n").problem, "");
  EXPECT_NE(CheckUnitText("/x/c.service", std::string(2 << 20, 'x')).problem, "");
}

TEST(UnitCheckFiles, FilesFoldersAndErrors) {
  const auto folder = sys::TempDir::Create("inro-units");
  ASSERT_TRUE(folder);
  const std::string& path = folder->path();
  ASSERT_TRUE(sys::MakeDirectories(path + "/service.d"));
  ASSERT_TRUE(sys::WriteFile(path + "/a.socket", "[Socket]\nListenStream=1\n"));
  ASSERT_TRUE(sys::WriteFile(path + "/service.d/x.conf", "[Service]\nNice=1\n"));
  ASSERT_TRUE(sys::WriteFile(path + "/notes.txt", "x"));
  ASSERT_TRUE(sys::WriteFile(path + "/bad.deb", "x"));
  const auto found = CheckUnitFiles({path});
  ASSERT_TRUE(found) << found.error().ToString();
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[1].unit, "every.service");
  for (const char* wrong : {"/notes.txt", "/none", "/bad.deb"}) {
    const auto refused = CheckUnitFiles({path + wrong});
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(ExitCode(refused.error()), 2) << wrong;
  }
}

}  // namespace
}  // namespace inro::image
