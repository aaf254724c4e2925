// The parser complains where systemd's own does: `systemd-analyze verify` and CheckUnitText over
// the same files. Skipped where systemd-analyze is not installed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "image/build/unit_check_files.h"
#include "image/source/deb.h"
#include "sys/file.h"

namespace inro::image {
namespace {

namespace fs = std::filesystem;

std::string Output(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "";
  std::string output;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
    output.append(buffer, count);
  }
  ::pclose(pipe);
  return output;
}

// Lines by file name; line 0: the file as a whole.
using Complaints = std::map<std::string, std::set<int>>;

// What systemd says about `files`, which are `names` and drop-ins of them in a folder.
Complaints OfSystemd(const std::string& folder, const std::vector<std::string>& names,
                     const std::vector<std::string>& files) {
  std::string command = "cd '" + folder + "' && SYSTEMD_UNIT_PATH='" + folder +
                        ":' LC_ALL=C timeout 120 systemd-analyze verify --man=no "
                        "--recursive-errors=no";
  for (const std::string& name : names) command += " './" + name + "'";
  const std::string output = Output(command + " 2>&1");
  Complaints found;
  for (const std::string& name : files) {
    for (std::size_t at = output.find(name + ":"); at != std::string::npos;
         at = output.find(name + ":", at + 1)) {
      const std::size_t begin = at + name.size() + 1;
      const std::string line = output.substr(begin, output.find('\n', begin) - begin);
      // About other files than this one: programs, and units that are not at hand.
      if (line.find("is not executable") != std::string::npos) continue;
      if (line.find("not loaded") != std::string::npos) continue;
      found[name].insert(std::atoi(line.c_str()));
    }
  }
  return found;
}

Complaints OfSystemd(const std::string& folder, const std::vector<std::string>& names) {
  return OfSystemd(folder, names, names);
}

Complaints OfInro(const std::string& folder, const std::vector<std::string>& names) {
  Complaints found;
  for (const std::string& name : names) {
    const auto text = sys::ReadFile(folder + "/" + name);
    if (!text) continue;
    const CheckedUnitFile file = CheckUnitText(folder + "/" + name, *text);
    if (!file.problem.empty()) found[name].insert(0);
    for (const DirectiveUse& use : file.uses) {
      if (use.verdict == unit::Verdict::kUnknown || use.verdict == unit::Verdict::kWrong) {
        found[name].insert(use.line);
      }
    }
  }
  return found;
}

struct VerifyTest : testing::Test {
  void SetUp() override {
    if (::access("/usr/bin/systemd-analyze", X_OK) != 0) {
      GTEST_SKIP() << "systemd-analyze is not installed";
    }
    auto made = sys::TempDir::Create("inro-verify");
    ASSERT_TRUE(made);
    folder = std::make_unique<sys::TempDir>(std::move(*made));
  }
  std::unique_ptr<sys::TempDir> folder;
};

TEST_F(VerifyTest, SameLinesAreWrong) {
  const std::string text =
      "[Unit]\nDescription=x\nTypo=1\nAfter=nounit\nDefaultDependencies=perhaps\n"
      "JobTimeoutSec=soon\nStartLimitBurst=many\nSuccessAction=explode\nRequiresMountsFor=x\n"
      "[Service]\nType=idle\nRestart=sometimes\nRestartSec=1h 5parsec\n"
      "TimeoutStartSec=5min\nKillSignal=SIGNOPE\nKillMode=mixed\nNice=40\nNice=-5\nUMask=8\n"
      "OOMScoreAdjust=2000\nCPUAffinity=0-1 3\nCPUAffinity=x\nIOSchedulingClass=idle\n"
      "IOSchedulingPriority=9\nCPUSchedulingPolicy=fast\nCPUSchedulingPriority=5\n"
      "LimitNOFILE=10:5\nLimitNOFILE=1K:2K\nLimitNICE=+1\nLimitCPU=1min\nTimerSlackNSec=1us\n"
      "CapabilityBoundingSet=CAP_NONE\nSecureBits=keep-caps\nSystemCallFilter=@system-service\n"
      "SystemCallErrorNumber=ENOPE\nSystemCallErrorNumber=EPERM\nRestrictNamespaces=mnt pid\n"
      "RestrictNamespaces=moon\nRestrictAddressFamilies=AF_UNIX\nPrivateTmp=maybe\n"
      "ProtectSystem=strict\nProtectSystem=very\nProtectHome=tmpfs\nProtectProc=invisible\n"
      "ReadWritePaths=-/x +/y\nReadWritePaths=relative\nBindPaths=/a:/b:norbind\n"
      "BindPaths=/a:/b:other\nTemporaryFileSystem=/t:ro\nEnvironment=A=1 \"B=2 3\"\n"
      "Environment=9=1\nEnvironmentFile=relative\nWorkingDirectory=~\nWorkingDirectory=x\n"
      "StandardInput=socket\nStandardInput=journal\nStandardOutput=append:/var/log/x\n"
      "StandardOutput=append:x\nSyslogFacility=daemon\nSyslogFacility=none\nLogLevelMax=info\n"
      "LogLevelMax=loud\nRuntimeDirectory=a b/c\nRuntimeDirectory=/abs\nRuntimeDirectory=../up\n"
      "RuntimeDirectoryMode=0700\nRuntimeDirectoryMode=rw\nMemoryMax=1G\nMemoryMax=many\n"
      "MemoryHigh=50%\nMemoryHigh=150%\nTasksMax=10%\nCPUQuota=150%\nCPUQuota=x\n"
      "CPUWeight=0\nCPUWeight=idle\nIOWeight=10001\nSlice=a.slice\nSlice=a.service\n"
      "Delegate=pids cpu\nDelegate=moon\nDevicePolicy=closed\nDevicePolicy=open\n"
      "DeviceAllow=/dev/null rw\nDeviceAllow=/dev/null xyz\nDeviceAllow=/etc/x\n"
      "SuccessExitStatus=TEMPFAIL 5 SIGUSR1\nSuccessExitStatus=WHAT\nWatchdogSec=10\n"
      "NotifyAccess=some\nOOMPolicy=stop\nOOMPolicy=x\nLoadCredential=a:/b\nPersonality=x86-64\n"
      "Personality=z80\nFileDescriptorStoreMax=3\nFileDescriptorStoreMax=x\nSendSIGKILL=2\n"
      "[Install]\nWantedBy=multi-user.target\n[Nonsense]\nA=b\n[X-Own]\nC=d\n";
  // What the original takes without a word.
  const std::set<std::string> accepted = {"After=nounit", "CapabilityBoundingSet=CAP_NONE"};
  // A unit for each line: some mistakes end the reading of a file.
  std::map<std::string, std::string> lines;
  std::string section;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with('[')) {
      section = line;
      continue;
    }
    const std::string name = fmt::format("line-{}.service", lines.size());
    lines[name] = line;
    ASSERT_TRUE(
        sys::WriteFile(folder->path() + "/" + name,
                       fmt::format("{}\n{}\n[Service]\nExecStart=/bin/true\n", section, line)));
  }
  std::vector<std::string> names;
  for (const auto& [name, line] : lines) names.push_back(name);
  Complaints theirs = OfSystemd(folder->path(), names);
  Complaints ours = OfInro(folder->path(), names);
  ASSERT_GT(theirs.size(), 20U);
  for (const auto& [name, line] : lines) {
    if (accepted.contains(line)) continue;
    EXPECT_EQ(!ours[name].empty(), !theirs[name].empty()) << line;
  }
}

TEST_F(VerifyTest, SameUnitsCannotBeUsed) {
  const std::map<std::string, std::string> units = {
      {"good.service", "[Service]\nExecStart=/bin/true\n"},
      {"none.service", "[Service]\nType=simple\n"},
      {"several.service", "[Service]\nExecStart=/bin/true\nExecStart=/bin/true\n"},
      {"oneshot.service", "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/bin/true\n"},
      {"stop.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/true\n"},
      {"bus.service", "[Service]\nType=dbus\nExecStart=/bin/true\n"},
      {"again.service", "[Service]\nType=oneshot\nRestart=always\nExecStart=/bin/true\n"},
      {"good.socket", "[Socket]\nListenStream=/run/x\n"},
      {"none.socket", "[Socket]\nAccept=no\n"},
      {"wrong.socket", "[Socket]\nListenStream=:99999\n"},
      {"good.timer", "[Timer]\nOnCalendar=daily\n"},
      {"none.timer", "[Timer]\nPersistent=yes\n"},
      {"srv-a.mount", "[Mount]\nWhat=/dev/vdb\nWhere=/srv/a\n"},
      {"srv-b.mount", "[Mount]\nWhat=/dev/vdb\nWhere=/srv/c\n"},
      {"srv-d.mount", "[Mount]\nWhere=/srv/d\n"},
  };
  for (const auto& [name, text] : units) {
    ASSERT_TRUE(sys::WriteFile(folder->path() + "/" + name, text));
    // Sockets and timers need what they start.
    if (name.ends_with(".socket") || name.ends_with(".timer")) {
      ASSERT_TRUE(sys::WriteFile(folder->path() + "/" + name.substr(0, name.find('.')) + ".service",
                                 "[Service]\nExecStart=/bin/true\n"));
    }
    const bool theirs = !OfSystemd(folder->path(), {name})[name].empty();
    const bool ours = !OfInro(folder->path(), {name})[name].empty();
    EXPECT_EQ(ours, theirs) << name;
    ASSERT_TRUE(sys::RemoveAll(folder->path() + "/" + name));
  }
}

// The units and drop-ins of a package, as files in `folder`: their paths there.
Result<std::vector<std::string>> UnpackUnits(const std::string& deb_path,
                                             const std::string& folder) {
  INRO_ASSIGN(const std::string bytes, sys::ReadFile(deb_path));
  INRO_ASSIGN(const auto deb, ReadDeb(bytes, deb_path));
  constexpr std::string_view kUnits = "systemd/system/";
  std::vector<std::string> names;
  for (const ArchiveEntry& file : deb.entries) {
    const std::size_t at = file.path.find(kUnits);
    if (file.node.type != NodeType::kFile || file.node.content.size() == 0) continue;
    if (at == std::string::npos) continue;
    const std::string name = file.path.substr(at + kUnits.size());
    if (!unit::KindOf(name) && !name.ends_with(".conf")) continue;
    if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
      INRO_TRY(sys::MakeDirectories(folder + "/" + name.substr(0, slash)));
    }
    INRO_TRY(sys::WriteFile(folder + "/" + name, file.node.content.view()));
    names.push_back(name);
  }
  return names;
}

// What `inro units check FILE.deb` complains about.
Complaints OfInroInPackage(const std::string& deb_path) {
  Complaints found;
  const auto files = CheckUnitFiles({deb_path});
  EXPECT_TRUE(files) << files.error().ToString();
  if (!files) return found;
  for (const CheckedUnitFile& file : *files) {
    const std::size_t at = file.file.find("systemd/system/");
    if (at == std::string::npos) continue;
    auto& lines = found[file.file.substr(at + 15)];
    if (!file.problem.empty()) lines.insert(0);
    for (const DirectiveUse& use : file.uses) {
      if (use.verdict == unit::Verdict::kUnknown || use.verdict == unit::Verdict::kWrong) {
        lines.insert(use.line);
      }
    }
  }
  return found;
}

TEST_F(VerifyTest, UnitsOfDebianPackages) {
  // Those of docs/packages.md; the units of two of them are in packages that these depend on.
  const std::vector<std::string> packages = {
      "chrony", "nginx-common", "redis-server", "rsyslog",     "openssh-server",        "cron",
      "dbus",   "udev",         "systemd",      "nginx-light", "dbus-system-bus-common"};
  const std::string where = folder->path() + "/units";
  ASSERT_TRUE(sys::MakeDirectories(where));
  Output(fmt::format("cd '{}' && timeout 120 apt-get -q download {} 2>&1", folder->path(),
                     fmt::join(packages, " ")));
  std::map<std::string, std::vector<std::string>> names_of;
  Complaints ours;
  for (const auto& entry : fs::directory_iterator(folder->path())) {
    if (entry.path().extension() != ".deb") continue;
    const std::string file = entry.path().filename().string();
    auto names = UnpackUnits(entry.path().string(), where);
    ASSERT_TRUE(names) << names.error().ToString();
    const Complaints checked = OfInroInPackage(entry.path().string());
    for (const std::string& name : *names) {
      EXPECT_TRUE(checked.contains(name)) << file << ": " << name << " was not checked";
    }
    ours.insert(checked.begin(), checked.end());
    names_of[file.substr(0, file.find('_'))] = std::move(*names);
  }
  if (names_of.empty()) GTEST_SKIP() << "the Debian mirror is not reachable";
  std::vector<std::string> units;
  std::vector<std::string> checked;
  Complaints of_inro;
  for (const std::string& package : packages) {
    ASSERT_TRUE(names_of.contains(package)) << package;
    if (package != "nginx-light") {
      EXPECT_FALSE(names_of[package].empty()) << package;
    }
    for (std::string name : names_of[package]) {
      std::set<int> lines = ours[name];
      if (unit::KindOf(name) && unit::IsTemplate(name)) {
        // The tool takes no template; an instance of it is the same text.
        const std::string instance = unit::Instantiate(name, "x");
        fs::copy_file(where + "/" + name, where + "/" + instance);
        name = instance;
      }
      if (unit::KindOf(name)) units.push_back(name);
      if (!lines.empty()) of_inro[name] = std::move(lines);
      checked.push_back(std::move(name));
    }
  }
  EXPECT_GT(checked.size(), 150U);
  EXPECT_EQ(of_inro, OfSystemd(where, units, checked));
}

}  // namespace
}  // namespace inro::image
