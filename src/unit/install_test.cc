#include "unit/install.h"

#include <gtest/gtest.h>

#include "sys/fake/memory_file_source.h"

namespace inro::unit {
namespace {

constexpr char kEtc[] = "/etc/systemd/system/";
constexpr char kLib[] = "/usr/lib/systemd/system/";

struct InstallTest : testing::Test {
  sys::MemoryFileSource files;
  void Add(const std::string& name, const std::string& install) {
    files.AddFile(kLib + name, "[Service]\nExecStart=/bin/x\n[Install]\n" + install);
  }
  static std::vector<std::string> Text(const Result<InstallPlan>& plan) {
    if (!plan) return {plan.error().ToString()};
    std::vector<std::string> lines;
    for (const LinkChange& link : plan->links) lines.push_back(link.path + " " + link.target);
    return lines;
  }
  void Do(const Result<InstallPlan>& plan) {
    ASSERT_TRUE(plan) << plan.error().ToString();
    for (const LinkChange& link : plan->links) files.AddLink(link.path, link.target);
  }
};

TEST_F(InstallTest, EnableMakesTheLinksOfInstall) {
  Add("a.service",
      "Alias=b.service\nWantedBy=multi-user.target\nRequiredBy=x.target\nAlso=a.socket\n");
  files.AddFile(std::string(kLib) + "a.socket",
                "[Socket]\nListenStream=1\n[Install]\nWantedBy=sockets.target\n");
  const auto plan = PlanEnable(files, {"a.service"});
  EXPECT_EQ(Text(plan), (std::vector<std::string>{
                            "/etc/systemd/system/b.service /usr/lib/systemd/system/a.service",
                            "/etc/systemd/system/multi-user.target.wants/a.service "
                            "/usr/lib/systemd/system/a.service",
                            "/etc/systemd/system/x.target.requires/a.service "
                            "/usr/lib/systemd/system/a.service",
                            "/etc/systemd/system/sockets.target.wants/a.socket "
                            "/usr/lib/systemd/system/a.socket"}));
  EXPECT_TRUE(plan->has_install_section);
  EXPECT_EQ(UnitFileState(files, "a.service"), "disabled");
  Do(plan);
  EXPECT_TRUE(PlanEnable(files, {"a.service"})->links.empty());
  EXPECT_EQ(PlanEnable(files, {"a.service"})->wanted.size(), 4U);
  EXPECT_EQ(UnitFileState(files, "a.service"), "enabled");
  EXPECT_EQ(UnitFileState(files, "b.service"), "alias");
  EXPECT_EQ(UnitFilePath(files, "b.service"), std::string(kLib) + "a.service");
  EXPECT_EQ(Text(PlanDisable(files, {"a.service"})),
            (std::vector<std::string>{"/etc/systemd/system/b.service ",
                                      "/etc/systemd/system/multi-user.target.wants/a.service ",
                                      "/etc/systemd/system/x.target.requires/a.service ",
                                      "/etc/systemd/system/sockets.target.wants/a.socket "}));
}

TEST_F(InstallTest, Templates) {
  Add("t@.service", "WantedBy=multi-user.target\n");
  Add("d@.service", "WantedBy=multi-user.target\nDefaultInstance=one\n");
  EXPECT_EQ(Text(PlanEnable(files, {"t@x.service"})),
            std::vector<std::string>{"/etc/systemd/system/multi-user.target.wants/t@x.service "
                                     "/usr/lib/systemd/system/t@.service"});
  EXPECT_EQ(Text(PlanEnable(files, {"d@.service"})),
            std::vector<std::string>{"/etc/systemd/system/multi-user.target.wants/d@one.service "
                                     "/usr/lib/systemd/system/d@.service"});
  const auto none = PlanEnable(files, {"t@.service"});
  EXPECT_TRUE(none->links.empty());
  EXPECT_EQ(none->notes.size(), 1U);
  Do(PlanEnable(files, {"t@x.service", "t@y.service"}));
  EXPECT_EQ(PlanDisable(files, {"t@.service"})->links.size(), 2U);
  EXPECT_EQ(PlanDisable(files, {"t@y.service"})->links.size(), 1U);
}

TEST_F(InstallTest, MasksAndErrors) {
  Add("a.service", "WantedBy=x.target\n");
  files.AddFile(std::string(kEtc) + "own.service", "[Service]\nExecStart=/bin/x\n");
  EXPECT_EQ(UnitFileState(files, "own.service"), "static");
  EXPECT_FALSE(PlanMask(files, {"own.service"}));
  EXPECT_EQ(PlanEnable(files, {"none.service"}).error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(PlanEnable(files, {"../x"}).error().kind(), ErrorKind::kBadInput);
  Do(PlanMask(files, {"a.service"}));
  EXPECT_EQ(UnitFileState(files, "a.service"), "masked");
  EXPECT_EQ(UnitFilePath(files, "a.service"), "");
  EXPECT_FALSE(PlanEnable(files, {"a.service"}));
  EXPECT_EQ(Text(PlanUnmask(files, {"a.service"})),
            std::vector<std::string>{"/etc/systemd/system/a.service "});
  EXPECT_EQ(UnitFileState(files, "none.service"), "not-found");
}

TEST_F(InstallTest, PresetsByTheFirstRuleThatMatches) {
  files.AddFile("/usr/lib/systemd/system-preset/90-x.preset",
                "# c\nenable a*.service\ndisable *\n");
  files.AddFile("/etc/systemd/system-preset/10-y.preset",
                "disable abc.service\nenable t@.service one two\nignore z.service\n");
  files.AddFile("/usr/lib/systemd/system-preset/10-y.preset", "enable zz.service\n");
  const Presets presets = Presets::Read(files);
  using Action = Presets::Action;
  EXPECT_EQ(presets.For("abc.service").action, Action::kDisable);
  EXPECT_EQ(presets.For("ab.service").action, Action::kEnable);
  EXPECT_EQ(presets.For("zz.service").action, Action::kDisable);
  EXPECT_EQ(presets.For("z.service").action, Action::kIgnore);
  EXPECT_EQ(presets.For("t@.service").instances, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(presets.For("t@two.service").action, Action::kEnable);
  EXPECT_EQ(presets.For("t@three.service").action, Action::kDisable);
  EXPECT_EQ(Presets().For("q.service").action, Action::kEnable);
}

}  // namespace
}  // namespace inro::unit
