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

TEST_F(LoaderTest, AUnitThatNamesItselfInEveryDependencyStarts) {
  Service("self.service",
          "After=self.service\nBefore=self.service\nRequires=self.service\nBindsTo=self.service\n"
          "PartOf=self.service\nConflicts=self.service\nOnFailure=self.service");
  Loader loader(files, {});
  const auto transaction = BuildTransaction(loader, "self.service");
  ASSERT_TRUE(transaction) << transaction.error().ToString();
  EXPECT_LT(At(*transaction, "self.service"), transaction->jobs.size());
  EXPECT_TRUE(loader.Load("self.service")->conflicts.empty() ||
              loader.Load("self.service")->conflicts.front() != "self.service");
}

TEST_F(LoaderTest, ADropInThatCannotBeReadIsPassedOver) {
  Add("a.service", "[Service]\nExecStart=/bin/a\n");
  files.AddFile(std::string(kEtc) + "a.service.d/10.conf", "[Service]\nNice=5\n");
  files.AddLink(std::string(kEtc) + "a.service.d/20.conf", "nothing");
  files.AddLink(std::string(kEtc) + "a.service.d/30.conf", "30.conf");
  Loader loader(files, {});
  const Unit* unit = loader.Load("a.service");
  EXPECT_EQ(unit->state, LoadState::kLoaded);
  EXPECT_EQ(unit->service->exec.nice, 5);
}

TEST_F(LoaderTest, ASocketStartsItsServiceByAnAlias) {
  Add("rsyslog.service", "[Service]\nExecStart=/bin/x\n");
  files.AddLink(std::string(kEtc) + "syslog.service", "/usr/lib/systemd/system/rsyslog.service");
  Add("syslog.socket", "[Socket]\nService=syslog.service\nListenDatagram=/run/s\n");
  Loader loader(files, {});
  EXPECT_EQ(loader.Load("syslog.socket")->triggers, std::vector<std::string>{"rsyslog.service"});
}

TEST_F(LoaderTest, TheTypeThatIsNotSaid) {
  Add("a.service", "[Service]\nExecStart=/bin/x\n");
  Add("b.service", "[Service]\nExecStart=/bin/x\nBusName=org.example.B\n");
  Add("c.service", "[Service]\nExecStop=/bin/x\n");
  Loader loader(files, {});
  EXPECT_EQ(loader.Load("a.service")->service->EffectiveType(), ServiceType::kSimple);
  EXPECT_EQ(loader.Load("b.service")->service->EffectiveType(), ServiceType::kDbus);
  EXPECT_EQ(loader.Load("c.service")->service->EffectiveType(), ServiceType::kOneshot);
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

TEST_F(LoaderTest, DropInsOfPartsOfTheNameOfTemplatesAndOfTheType) {
  Add("a-b@.service", "[Service]\nExecStart=/bin/x\n");
  const auto drop_in = [&](const std::string& folder, const std::string& file, int nice) {
    files.AddFile(kLib + folder + "/" + file, "[Service]\nEnvironment=" + file.substr(0, 1) +
                                                  "=1\nNice=" + std::to_string(nice) + "\n");
  };
  drop_in("service.d", "A.conf", 1);
  drop_in("a-@.service.d", "B.conf", 2);
  drop_in("a-b@.service.d", "C.conf", 3);
  drop_in("a-b@i.service.d", "D.conf", 4);
  drop_in("service.d", "E.conf", 9);
  drop_in("a-b@.service.d", "E.conf", 5);  // hides the one of the type
  Loader loader(files, {});
  const Unit* unit = loader.Load("a-b@i.service");
  EXPECT_EQ(unit->service->exec.environment, (Environment{"A=1", "B=1", "C=1", "D=1", "E=1"}));
  EXPECT_EQ(unit->service->exec.nice, 5);
  EXPECT_EQ(unit->service->exec.resources.slice, "system-a\\x2db.slice");
}

TEST_F(LoaderTest, MountsThatAPathNeeds) {
  Add("srv.mount", "[Mount]\nWhat=/dev/vdb\n");
  Add("srv-x.mount", "[Mount]\nWhat=/dev/vdc\n");
  Service("a.service", "RequiresMountsFor=/srv/x/deep /other");
  Loader loader(files, {});
  const Unit* unit = loader.Load("a.service");
  for (const char* name : {"srv.mount", "srv-x.mount"}) {
    EXPECT_NE(std::ranges::find(unit->requires_, name), unit->requires_.end()) << name;
    EXPECT_NE(std::ranges::find(unit->after, name), unit->after.end()) << name;
  }
  EXPECT_EQ(std::ranges::find(unit->after, "other.mount"), unit->after.end());
  const Unit* nested = loader.Load("srv-x.mount");
  EXPECT_EQ(nested->mount->where, "/srv/x");
  EXPECT_NE(std::ranges::find(nested->after, "srv.mount"), nested->after.end());
  EXPECT_NE(std::ranges::find(nested->before, "local-fs.target"), nested->before.end());
}

TEST_F(LoaderTest, OrderOfSocketsAndTimers) {
  Add("s.socket", "[Socket]\nListenStream=1\n");
  Add("t.timer", "[Timer]\nOnCalendar=daily\nUnit=x.service\n");
  Loader loader(files, {});
  const auto has = [](const std::vector<std::string>& list, const char* name) {
    return std::ranges::find(list, name) != list.end();
  };
  const Unit* socket = loader.Load("s.socket");
  EXPECT_TRUE(has(socket->before, "s.service") && has(socket->before, "sockets.target"));
  EXPECT_TRUE(has(socket->requires_, "sysinit.target") &&
              has(socket->conflicts, "shutdown.target"));
  const Unit* timer = loader.Load("t.timer");
  EXPECT_TRUE(has(timer->before, "x.service") && has(timer->before, "timers.target"));
  EXPECT_TRUE(has(timer->after, "time-sync.target"));
}

TEST_F(LoaderTest, TemplatesInDependenciesBecomeInstances) {
  Add("a@.service", "[Unit]\nWants=b@.service\n[Service]\nExecStart=/bin/x\n");
  Service("c.service", "Wants=b@.service");
  Loader loader(files, {});
  EXPECT_EQ(loader.Load("a@i.service")->wants, std::vector<std::string>{"b@i.service"});
  EXPECT_EQ(loader.Load("c.service")->wants, std::vector<std::string>{"b@c.service"});
}

TEST_F(LoaderTest, FingerprintsTellWhatChanged) {
  Service("a.service");
  Service("b.service");
  Loader first(files, {});
  const std::uint64_t a = first.Load("a.service")->fingerprint;
  const std::uint64_t b = first.Load("b.service")->fingerprint;
  files.AddFile(std::string(kEtc) + "a.service.d/x.conf", "[Service]\nNice=1\n");
  EXPECT_EQ(first.Load("a.service")->fingerprint, a);
  Loader second(files, {});
  EXPECT_NE(second.Load("a.service")->fingerprint, a);
  EXPECT_EQ(second.Load("b.service")->fingerprint, b);
}

TEST_F(LoaderTest, SpecifiersOfTheFileAndOfTheSystem) {
  files.AddFile("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
  Add("a-b@.service", "[Service]\nExecStart=/bin/x %y %Y %o %w %W. %j %d %u %U %h\n");
  Loader loader(files, {});
  EXPECT_EQ(loader.Load("a-b@c.service")->service->start[0].argv,
            (std::vector<std::string>{"/bin/x", "/usr/lib/systemd/system/a-b@.service",
                                      "/usr/lib/systemd/system", "debian", "12", ".", "b",
                                      "/run/credentials/a-b@c.service", "root", "0", "/root"}));
}

TEST_F(LoaderTest, BadFilesAreNamedAndTheRestGoesOn) {
  Add("big.service", "[Service]\nExecStart=/bin/x" + std::string((1 << 20) + 1, 'x'));
  Add("garbage.service",
      "\x7f"
      "ELF\x01\x02garbage\n=\n[[\n");
  Service("self.service",
          "Requires=self.service\nAfter=self.service\nWants=garbage.service big.service");
  Loader loader(files, {});
  for (const char* name : {"big.service", "garbage.service"}) {
    EXPECT_EQ(loader.Load(name)->state, LoadState::kError) << name;
    EXPECT_FALSE(loader.Load(name)->problem.empty());
  }
  const auto error = std::ranges::find_if(loader.findings(), [](const Finding& finding) {
    return finding.file.ends_with("garbage.service") && finding.kind == FindingKind::kError;
  });
  ASSERT_NE(error, loader.findings().end());
  EXPECT_EQ(error->line, 3);
  const auto transaction = BuildTransaction(loader, "self.service");
  ASSERT_TRUE(transaction) << transaction.error().ToString();
  EXPECT_LT(At(*transaction, "self.service"), transaction->jobs.size());
}

TEST_F(LoaderTest, AFileIsReadAsFarAsItGoes) {
  Add("nul.service", std::string("[Service]\nExecStart=/bin/x\nUs\0er=a\nType=oneshot\n", 49));
  Add("broken.service", "[Service]\nType=oneshot\nExecStart=/bin/x\n[Broken\nUser=a\n");
  Add("part.service", "[Service]\nExecStart=/bin/x\n");
  Add("part.service.d/x.conf", "[Service]\nType=oneshot\n[Broken\nUser=a\n");
  Loader loader(files, {});
  const Unit* nul = loader.Load("nul.service");
  EXPECT_EQ(nul->state, LoadState::kLoaded);
  EXPECT_EQ(nul->service->EffectiveType(), ServiceType::kOneshot);
  const Unit* broken = loader.Load("broken.service");
  EXPECT_EQ(broken->state, LoadState::kError);
  EXPECT_EQ(broken->service->EffectiveType(), ServiceType::kOneshot);
  EXPECT_TRUE(broken->service->exec.user.empty());
  EXPECT_NE(broken->problem.find("broken.service:4"), std::string::npos) << broken->problem;
  // A drop-in that breaks off does not take the unit with it.
  const Unit* part = loader.Load("part.service");
  EXPECT_EQ(part->state, LoadState::kLoaded);
  EXPECT_EQ(part->service->EffectiveType(), ServiceType::kOneshot);
  EXPECT_TRUE(part->service->exec.user.empty());
}

TEST_F(LoaderTest, AUnitTakesFewBytes) {
  // Of the 40 KiB that one unit may cost init.
  EXPECT_LT(sizeof(Unit) + sizeof(ServiceSettings), 6U << 10);
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

// Only a unit's own file masks by being empty.
TEST_F(LoaderTest, AnEmptyDropInChangesNothing) {
  files.AddFile(std::string(kEtc) + "network.target.d/nothing.conf", "");
  Loader loader(files, {});
  EXPECT_EQ(loader.Load("network.target")->state, LoadState::kLoaded);
}

TEST_F(LoaderTest, ADroppedJobTakesWithItWhatRequiresIt) {
  Add("go.target", "[Unit]\nRequires=a.service\nWants=c.service d.service\n");
  Service("a.service", "After=b.service");
  Service("b.service", "After=a.service\nWants=lonely.service shared.service");
  Service("c.service", "Requires=b.service");
  Service("d.service", "Wants=shared.service");
  Service("lonely.service");
  Service("shared.service");
  Loader loader(files, {});
  const auto transaction = BuildTransaction(loader, "go.target");
  ASSERT_TRUE(transaction);
  const std::size_t none = transaction->jobs.size();
  for (const char* name : {"b.service", "c.service", "lonely.service"}) {
    EXPECT_EQ(At(*transaction, name), none) << name;
  }
  for (const char* name : {"a.service", "d.service", "shared.service", "go.target"}) {
    EXPECT_LT(At(*transaction, name), none) << name;
  }
  ASSERT_EQ(transaction->notes.size(), 2U);
  EXPECT_EQ(transaction->notes[1], "c.service is not started either: it requires b.service");
}

TEST_F(LoaderTest, ACycleThatIsAllRequiredIsAnErrorUnlessItIsToBeBroken) {
  Service("a.service", "Requires=b.service\nAfter=b.service");
  Service("b.service", "After=a.service");
  Loader loader(files, {});
  const auto refused = BuildTransaction(loader, "a.service");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().ToString().find("all of it is required"), std::string::npos);
  const auto broken = BuildTransaction(loader, "a.service", {true, {}});
  ASSERT_TRUE(broken);
  EXPECT_NE(broken->notes.at(0).find("does not wait for"), std::string::npos);
  // Nothing waits for what is up already.
  const auto active = [](const Unit& unit) { return unit.name == "b.service"; };
  EXPECT_TRUE(BuildTransaction(loader, "a.service", {false, active}));
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
