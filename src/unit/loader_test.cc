#include "unit/loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sys/fake/memory_file_source.h"
#include "unit/directive.h"
#include "unit/transaction.h"

namespace inro::unit {
namespace {

constexpr char kEtc[] = "/etc/systemd/system/";
constexpr char kLib[] = "/usr/lib/systemd/system/";

struct LoaderTest : testing::Test {
  sys::MemoryFileSource files;
  void Add(const std::string& name, const std::string& text) { files.AddFile(kLib + name, text); }
  void Service(const std::string& name, const std::string& unit = "") {
    Add(name, "[Unit]\n" + unit + "\n[Service]\nExecStart=/bin/true\n");
  }
  static std::size_t At(const Transaction& transaction, const std::string& name) {
    const auto job = std::ranges::find_if(
        transaction.jobs, [&](const Job& entry) { return entry.unit->name == name; });
    return static_cast<std::size_t>(job - transaction.jobs.begin());
  }
};

TEST_F(LoaderTest, TheTableIsSortedAndComplete) {
  for (const DirectiveSection& section : DirectiveSections()) {
    EXPECT_EQ(FindSection(section.name), &section);
    for (const auto* rows : section.rows) {
      if (rows == nullptr) break;
      for (const Directive& row : *rows) {
        EXPECT_TRUE(row.support != Support::kEnforced || row.parse != nullptr) << row.name;
        const Directive* found = FindDirective(section.name, row.name);
        ASSERT_NE(found, nullptr) << row.name;
        EXPECT_EQ(found->name, row.name);
      }
    }
  }
  EXPECT_NE(FindDirective("Unit", "ConditionPathExists"), nullptr);
  EXPECT_EQ(FindDirective("Unit", "AssertPathExists"),
            FindDirective("Unit", "ConditionPathExists"));
  EXPECT_EQ(FindDirective("Service", "Nonsense"), nullptr);
}

TEST_F(LoaderTest, DropInsAliasesMasksAndSearchPath) {
  Add("a.service", "[Service]\nExecStart=/bin/lib\nEnvironment=A=1\n");
  files.AddFile(std::string(kEtc) + "a.service.d/10.conf",
                "[Service]\nExecStart=\nExecStart=/bin/etc\n");
  files.AddFile(std::string(kLib) + "a.service.d/20.conf", "[Service]\nNice=5\n");
  files.AddLink(std::string(kEtc) + "a.service.d/20.conf", "/dev/null");
  files.AddLink(std::string(kEtc) + "alias.service", "/usr/lib/systemd/system/a.service");
  files.AddLink(std::string(kEtc) + "gone.service", "/dev/null");
  Service("gone.service");
  Loader loader(files, {});
  const Unit* unit = loader.Load("alias.service");
  EXPECT_EQ(unit->name, "a.service");
  EXPECT_EQ(unit, loader.Load("a.service"));
  ASSERT_EQ(unit->service->start.size(), 1U);
  EXPECT_EQ(unit->service->start[0].program, "/bin/etc");
  EXPECT_FALSE(unit->service->exec.nice);
  EXPECT_EQ(loader.Load("gone.service")->state, LoadState::kMasked);
  EXPECT_EQ(loader.Load("none.service")->state, LoadState::kNotFound);
  EXPECT_EQ(loader.Load("network.target")->state, LoadState::kLoaded);
}

TEST_F(LoaderTest, TemplatesAndLinksInACircle) {
  Add("t@.service", "[Service]\nExecStart=/bin/x %i\n");
  files.AddLink(std::string(kEtc) + "p.service", "q.service");
  files.AddLink(std::string(kEtc) + "q.service", "p.service");
  Loader loader(files, {});
  EXPECT_EQ(loader.Load("t@one.service")->service->start[0].argv[1], "one");
  EXPECT_EQ(loader.Load("t@.service")->state, LoadState::kBad);
  EXPECT_EQ(loader.Load("p.service")->state, LoadState::kBad);
}

TEST_F(LoaderTest, SaysWhatIsNotEnforcedWithFileAndLine) {
  Add("a.service", "[Service]\nExecStart=/bin/x\nPAMName=login\nPrivateDevices=no\nTypo=1\n");
  Loader loader(files, {});
  loader.Load("a.service");
  ASSERT_EQ(loader.findings().size(), 2U);
  EXPECT_EQ(loader.findings()[0].kind, FindingKind::kNotEnforced);
  EXPECT_EQ(ToString(loader.findings()[0]),
            "/usr/lib/systemd/system/a.service:3: not enforced under init = inro: PAMName=login");
  EXPECT_EQ(loader.findings()[1].kind, FindingKind::kUnknown);
}

TEST_F(LoaderTest, DebiansChronyUnit) {
  Add("chrony.service",
      "[Unit]\nConflicts=ntp.service\nWants=time-sync.target\nBefore=time-sync.target\n"
      "ConditionCapability=CAP_SYS_TIME\n[Service]\nType=forking\nPIDFile=/run/chrony/chronyd.pid\n"
      "EnvironmentFile=-/etc/default/chrony\nUser=_chrony\nExecStart=!/usr/sbin/chronyd $OPTS\n"
      "CapabilityBoundingSet=~CAP_KILL CAP_LEASE\nCapabilityBoundingSet=~CAP_SYS_ADMIN\n"
      "RuntimeDirectory=chrony\nRuntimeDirectoryMode=0700\nNoNewPrivileges=yes\nNoNewPrivileges="
      "no\n"
      "[Install]\nAlias=chronyd.service\nWantedBy=multi-user.target\n");
  Loader loader(files, {});
  const Unit* unit = loader.Load("chrony.service");
  ASSERT_EQ(unit->state, LoadState::kLoaded);
  EXPECT_TRUE(loader.findings().empty());
  const ServiceSettings& service = *unit->service;
  EXPECT_EQ(service.EffectiveType(), ServiceType::kForking);
  EXPECT_EQ(service.start[0].flags, kKeepCredentials);
  ASSERT_TRUE(service.exec.bounding);
  EXPECT_FALSE(service.exec.bounding->test(5));
  EXPECT_FALSE(service.exec.bounding->test(21));
  EXPECT_TRUE(service.exec.bounding->test(25));
  EXPECT_EQ(service.exec.directories[kRuntime].mode, 0700U);
  EXPECT_FALSE(service.exec.no_new_privileges);
  EXPECT_EQ(unit->install_alias, std::vector<std::string>{"chronyd.service"});
}

TEST_F(LoaderTest, TransactionOrdersAndDropsWhatIsOnlyWanted) {
  Add("go.target", "[Unit]\nRequires=basic.target a.service\nWants=b.service absent.service\n");
  Service("a.service", "After=b.service");
  Service("b.service");
  Loader loader(files, {});
  const auto transaction = BuildTransaction(loader, "go.target");
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->jobs.back().unit->name, "go.target");
  EXPECT_LT(At(*transaction, "b.service"), At(*transaction, "a.service"));
  EXPECT_LT(At(*transaction, "sysinit.target"), At(*transaction, "basic.target"));
  EXPECT_LT(At(*transaction, "basic.target"), At(*transaction, "b.service"));
  EXPECT_TRUE(transaction->jobs[At(*transaction, "b.service")].wanted_only);
  EXPECT_FALSE(transaction->jobs[At(*transaction, "a.service")].wanted_only);
}

TEST_F(LoaderTest, CyclesAreBrokenAndNamed) {
  Add("go.target", "[Unit]\nRequires=a.service\nWants=b.service\n");
  Service("a.service", "After=b.service");
  Service("b.service", "After=a.service");
  Service("self.service", "After=self.service\nRequires=self.service");
  Loader loader(files, {});
  const auto transaction = BuildTransaction(loader, "go.target");
  ASSERT_TRUE(transaction);
  ASSERT_EQ(transaction->notes.size(), 1U);
  EXPECT_NE(transaction->notes[0].find("b.service is not started"), std::string::npos);
  EXPECT_EQ(At(*transaction, "b.service"), transaction->jobs.size());
  EXPECT_TRUE(BuildTransaction(loader, "self.service"));
}

TEST_F(LoaderTest, ConflictsAndMissingRequirements) {
  Add("go.target", "[Unit]\nRequires=a.service\nWants=b.service\n");
  Service("a.service", "Conflicts=b.service");
  Service("b.service");
  Service("c.service", "Requires=absent.service");
  Loader loader(files, {});
  const auto transaction = BuildTransaction(loader, "go.target");
  ASSERT_TRUE(transaction);
  EXPECT_EQ(At(*transaction, "b.service"), transaction->jobs.size());
  EXPECT_FALSE(BuildTransaction(loader, "c.service"));
  EXPECT_FALSE(BuildTransaction(loader, "absent.target"));
}

TEST_F(LoaderTest, StopOrderIsTheReverse) {
  Service("a.service", "After=b.service");
  Service("b.service");
  Loader loader(files, {});
  const auto jobs = BuildStopOrder(loader, {loader.Load("b.service"), loader.Load("a.service")});
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].unit->name, "a.service");
  EXPECT_EQ(jobs[1].after, std::vector<std::size_t>{0});
}

}  // namespace
}  // namespace inro::unit
