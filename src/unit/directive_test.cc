// What the rows of the directive table read into the model.
#include "unit/directive.h"

#include <gtest/gtest.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

#include "sys/fake/memory_file_source.h"
#include "unit/loader.h"

namespace inro::unit {
namespace {

struct DirectiveTest : testing::Test {
  sys::MemoryFileSource files;
  Findings findings;

  std::unique_ptr<Unit> Read(const std::string& name, const std::string& text) {
    files.AddFile("/etc/systemd/system/" + name, text);
    Loader loader(files, {});
    loader.Load(name);
    findings = loader.TakeFindings();
    return loader.Take(name);
  }
  std::unique_ptr<Unit> Service(const std::string& lines) {
    auto unit = Read("a.service", "[Service]\nExecStart=/bin/x\n" + lines);
    EXPECT_EQ(unit->state, LoadState::kLoaded) << unit->problem;
    return unit;
  }
  void ExpectClean() const {
    for (const Finding& finding : findings) ADD_FAILURE() << ToString(finding);
  }
};

TEST_F(DirectiveTest, Exec) {
  const auto unit = Service(
      "CPUAffinity=0-2 4\nCPUAffinity=6\nIOSchedulingClass=idle\nIOSchedulingPriority=3\n"
      "CPUSchedulingPolicy=rr\nCPUSchedulingPriority=10\nTimerSlackNSec=50us\n"
      "SecureBits=keep-caps noroot-locked\nRootDirectory=/srv//x/\nDynamicUser=yes\n"
      "LimitCPU=1min\nLimitNICE=-5\nLimitNOFILE=1024:2048\nLimitRTTIME=10ms\n"
      "StandardInput=fd:in\nStandardOutput=journal+console\nStandardError=append:/var/log/%p\n"
      "LogLevelMax=notice\nSyslogFacility=local3\nNonBlocking=yes\n"
      "LoadCredential=key:/etc/key\nSetCredential=key:a\\nb\nSetCredential=plain:x y\n");
  ExpectClean();
  const ExecSettings& exec = unit->service->exec;
  EXPECT_EQ(exec.cpu_affinity, (std::vector<unsigned>{0, 1, 2, 4, 6}));
  EXPECT_EQ(exec.io_class, IOPRIO_CLASS_IDLE);
  EXPECT_EQ(exec.io_priority, 3);
  EXPECT_EQ(exec.cpu_policy, SCHED_RR);
  EXPECT_EQ(exec.cpu_priority, 10);
  EXPECT_EQ(exec.timer_slack_ns, 50'000U);
  EXPECT_EQ(exec.secure_bits, 1U << 4 | 1U << 1);
  EXPECT_EQ(exec.root_directory, "/srv/x");
  EXPECT_TRUE(exec.dynamic_user);
  EXPECT_EQ(exec.limits[RLIMIT_CPU]->soft, 60U);
  EXPECT_EQ(exec.limits[RLIMIT_NICE]->hard, 25U);
  EXPECT_EQ(exec.limits[RLIMIT_NOFILE]->hard, 2048U);
  EXPECT_EQ(exec.limits[RLIMIT_RTTIME]->soft, 10'000U);
  EXPECT_EQ(exec.input.kind, StandardStream::kFd);
  EXPECT_EQ(exec.input.path, "in");
  EXPECT_TRUE(exec.output.and_console);
  EXPECT_EQ(exec.error.path, "/var/log/a");
  EXPECT_EQ(exec.log_level_max, 5);
  EXPECT_EQ(exec.syslog_facility, 19);
  ASSERT_EQ(exec.credentials.size(), 2U);
  EXPECT_EQ(exec.credentials[0].path, "/etc/key");
  EXPECT_EQ(exec.credentials[0].content, "a\nb");
  EXPECT_EQ(exec.credentials[1].content, "x y");
}

TEST_F(DirectiveTest, InputHeldByTheUnit) {
  const auto unit =
      Service("StandardInputText=one %% two\nStandardInputData=dGhyZWUK\nStandardOutput=null\n");
  ExpectClean();
  EXPECT_EQ(unit->service->exec.input_data, "one % two\nthree\n");
  EXPECT_EQ(unit->service->exec.input.kind, StandardStream::kData);
  const auto reset = Service("StandardInputText=x\nStandardInputText=\n");
  EXPECT_EQ(reset->service->exec.input.kind, StandardStream::kNull);
}

TEST_F(DirectiveTest, Sandbox) {
  const auto unit = Service(
      "PrivateTmp=yes\nProtectSystem=strict\nProtectHome=read-only\nProtectProc=invisible\n"
      "ProcSubset=pid\nReadWritePaths=-/var/lib/x +/y\nInaccessiblePaths=/a\nInaccessiblePaths=\n"
      "BindPaths=/a:/b:norbind -/c\nBindReadOnlyPaths=/d\nTemporaryFileSystem=/t:ro,size=1M\n"
      "RestrictNamespaces=~user net\nRestrictNamespaces=~pid\n"
      "RestrictAddressFamilies=AF_UNIX AF_INET\nRestrictAddressFamilies=~AF_INET\n"
      "SystemCallFilter=@system-service\nSystemCallFilter=~@privileged\n"
      "SystemCallErrorNumber=EPERM\nSystemCallArchitectures=native\nPersonality=x86-64\n");
  ExpectClean();
  const SandboxSettings& box = unit->service->exec.sandbox;
  EXPECT_TRUE(box.private_tmp);
  EXPECT_EQ(box.protect_system, ProtectSystem::kStrict);
  EXPECT_EQ(box.protect_home, ProtectHome::kReadOnly);
  EXPECT_EQ(box.protect_proc, ProtectProc::kInvisible);
  EXPECT_TRUE(box.proc_subset_pid);
  ASSERT_EQ(box.read_write.size(), 2U);
  EXPECT_TRUE(box.read_write[0].optional);
  EXPECT_TRUE(box.read_write[1].beneath_root);
  EXPECT_TRUE(box.inaccessible.empty());
  ASSERT_EQ(box.binds.size(), 3U);
  EXPECT_FALSE(box.binds[0].recursive);
  EXPECT_TRUE(box.binds[1].optional);
  EXPECT_TRUE(box.binds[2].read_only);
  EXPECT_EQ(box.temporary[0].options, "ro,size=1M");
  ASSERT_TRUE(box.allowed_namespaces);
  EXPECT_EQ(*box.allowed_namespaces & (CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID), 0U);
  EXPECT_NE(*box.allowed_namespaces & CLONE_NEWNS, 0U);
  EXPECT_TRUE(box.address_families->allow_list);
  EXPECT_EQ(box.address_families->families, std::vector<int>{AF_UNIX});
  EXPECT_TRUE(box.system_calls->allow_list);
  EXPECT_EQ(box.system_calls->calls, (std::vector<std::string>{"@system-service", "~@privileged"}));
  EXPECT_EQ(box.system_call_errno, EPERM);
}

TEST_F(DirectiveTest, ForbiddenCallsWithTheirErrors) {
  const auto unit = Service("SystemCallFilter=~mount:EACCES @swap\nSystemCallFilter=swapon\n");
  ExpectClean();
  EXPECT_FALSE(unit->service->exec.sandbox.system_calls->allow_list);
  EXPECT_EQ(unit->service->exec.sandbox.system_calls->calls,
            (std::vector<std::string>{"mount:EACCES", "@swap", "~swapon"}));
  Service("SystemCallFilter=mount:ENOSUCH\n");
  EXPECT_EQ(findings.size(), 1U);
}

TEST_F(DirectiveTest, ResourcesOfServicesAndSlices) {
  const std::string lines =
      "MemoryMax=1.5G\nMemoryHigh=50%\nMemorySwapMax=infinity\nTasksMax=10%\nCPUQuota=250%\n"
      "CPUWeight=idle\nIOWeight=50\nAllowedCPUs=0,2-3\nDelegate=pids memory\n"
      "DevicePolicy=closed\nDeviceAllow=/dev/null rw\nDeviceAllow=char-pts\n";
  const auto service = Service(lines + "Slice=x-y.slice\n");
  ExpectClean();
  const auto slice = Read("x-y.slice", "[Slice]\n" + lines);
  ExpectClean();
  EXPECT_EQ(service->service->exec.resources.slice, "x-y.slice");
  EXPECT_NE(std::ranges::find(service->requires_, "x-y.slice"), service->requires_.end());
  EXPECT_NE(std::ranges::find(slice->requires_, "x.slice"), slice->requires_.end());
  for (const ResourceSettings* resources :
       {&service->service->exec.resources, slice->slice.get()}) {
    EXPECT_EQ(resources->memory_max->value, 1536ULL << 20);
    EXPECT_EQ(resources->memory_high->permyriad, 5000U);
    EXPECT_FALSE(resources->memory_swap_max->value);
    EXPECT_EQ(resources->tasks_max->permyriad, 1000U);
    EXPECT_EQ(resources->cpu_quota_permyriad, 25'000U);
    EXPECT_EQ(resources->cpu_weight, 0U);
    EXPECT_EQ(resources->allowed_cpus, (std::vector<unsigned>{0, 2, 3}));
    EXPECT_TRUE(resources->delegate);
    EXPECT_EQ(resources->device_policy, DevicePolicy::kClosed);
    ASSERT_EQ(resources->devices.size(), 2U);
    EXPECT_EQ(resources->devices[1].access, "rwm");
  }
}

TEST_F(DirectiveTest, Sockets) {
  const auto unit = Read(
      "s.socket",
      "[Socket]\nListenStream=/run/%p.sock\nListenStream=@abstract\nListenStream=vsock::22\n"
      "ListenDatagram=127.0.0.1:53\nListenStream=[::1]:80\nListenStream=8080\nListenFIFO=/run/f\n"
      "ListenNetlink=route 1361\nSocketMode=0600\nSocketUser=x\nFileDescriptorName=web\n"
      "ReceiveBuffer=64K\nTriggerLimitIntervalSec=0\nService=other.service\nRemoveOnStop=yes\n"
      "Symlinks=/run/l\nIPTOS=low-delay\nExecStartPost=/bin/y\nUser=nobody\nMemoryMax=1M\n");
  ExpectClean();
  ASSERT_EQ(unit->state, LoadState::kLoaded) << unit->problem;
  ASSERT_EQ(unit->socket->listen.size(), 8U);
  EXPECT_EQ(unit->socket->listen[0].address, "/run/s.sock");
  EXPECT_EQ(unit->socket->listen[3].kind, ListenKind::kDatagram);
  EXPECT_EQ(unit->socket->mode, 0600U);
  EXPECT_EQ(unit->socket->receive_buffer, 65536U);
  EXPECT_EQ(unit->socket->trigger_interval->count(), 0);
  EXPECT_EQ(unit->socket->exec.user, "nobody");
  EXPECT_EQ(unit->socket->exec.resources.memory_max->value, 1U << 20);
  EXPECT_EQ(unit->triggers, std::vector<std::string>{"other.service"});
  const auto accept = Read("c.socket", "[Socket]\nListenStream=1\nAccept=yes\n");
  EXPECT_EQ(accept->triggers, std::vector<std::string>{"c@.service"});
  for (const char* bad : {"ListenStream=", "ListenStream=:99999", "ListenStream=1.2.3:5",
                          "ListenFIFO=x", "ListenStream=vsock:1"}) {
    EXPECT_EQ(Read("b.socket", std::string("[Socket]\n") + bad + "\n")->state, LoadState::kBad)
        << bad;
  }
}

TEST_F(DirectiveTest, Timers) {
  const auto unit = Read("t.timer",
                         "[Timer]\nOnBootSec=1\nOnBootSec=\nOnUnitActiveSec=1h\nOnBootSec=5min\n"
                         "OnCalendar=daily\nPersistent=yes\nAccuracySec=1s\n");
  ExpectClean();
  ASSERT_EQ(unit->state, LoadState::kLoaded);
  ASSERT_EQ(unit->timer->monotonic.size(), 2U);
  EXPECT_EQ(unit->timer->monotonic[0].base, TimerBase::kUnitActive);
  EXPECT_EQ(unit->timer->calendar.size(), 1U);
  EXPECT_TRUE(unit->timer->persistent);
  EXPECT_EQ(unit->triggers, std::vector<std::string>{"t.service"});
  EXPECT_EQ(Read("e.timer", "[Timer]\nOnBootSec=1\nOnCalendar=\n")->state, LoadState::kBad);
}

TEST_F(DirectiveTest, MountsMustBeNamedAfterTheirPlace) {
  const auto unit = Read("srv-x.mount", "[Mount]\nWhat=/dev/vdb\nWhere=/srv/x/\nLazyUnmount=yes\n");
  ExpectClean();
  EXPECT_EQ(unit->mount->where, "/srv/x");
  EXPECT_TRUE(unit->mount->lazy_unmount);
  EXPECT_EQ(Read("srv-y.mount", "[Mount]\nWhat=/dev/vdb\nWhere=/srv/x\n")->state, LoadState::kBad);
}

TEST_F(DirectiveTest, ServiceSettings) {
  const auto unit = Service(
      "Type=notify\nWatchdogSec=10\nExecReload=/bin/kill -HUP $MAINPID\nTimeoutAbortSec=5\n"
      "RuntimeMaxSec=1h\nFileDescriptorStoreMax=3\nSockets=a.socket b.socket\nReloadSignal=USR1\n"
      "SuccessExitStatus=TEMPFAIL 250 SIGKILL\nRestartKillSignal=SIGINT\nTimeoutStopSec=0\n");
  ExpectClean();
  const ServiceSettings& service = *unit->service;
  EXPECT_EQ(service.watchdog.count(), 10'000'000);
  EXPECT_EQ(service.abort_timeout->count(), 5'000'000);
  EXPECT_EQ(service.stop_timeout, kForever);
  EXPECT_EQ(service.fd_store_max, 3U);
  EXPECT_EQ(service.sockets.size(), 2U);
  EXPECT_TRUE(service.success_status.codes.test(75));
  EXPECT_TRUE(service.success_status.codes.test(250));
  EXPECT_TRUE(service.success_status.signals.test(9));
  EXPECT_EQ(service.restart_kill_signal, 2);
}

TEST_F(DirectiveTest, SectionsBelongToKinds) {
  Read("a.service", "[Service]\nExecStart=/bin/x\n[Socket]\nListenStream=1\n[X-Own]\nA=b\n");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].line, 4);
  EXPECT_EQ(findings[0].kind, FindingKind::kWarning);
}

TEST_F(DirectiveTest, WrongValuesAreNamedAndTheRestGoesOn) {
  const auto unit = Service(
      "CPUAffinity=x\nSystemCallFilter=!\nRestrictAddressFamilies=AF_NONE\nMemoryMax=many\n"
      "CPUQuota=0%\nLimitNOFILE=2:1\nUMask=9\nBindPaths=a\nSecureBits=none\nOOMPolicy=x\n"
      "DeviceAllow=null\nIOSchedulingPriority=9\nLoadCredential=../x\nNice=5\n");
  EXPECT_EQ(findings.size(), 13U);
  EXPECT_EQ(unit->service->exec.nice, 5);
}

}  // namespace
}  // namespace inro::unit
