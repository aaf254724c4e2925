#include <gtest/gtest.h>

#include "guest/control/firewall_probe.h"
#include "guest/control/mount_check.h"
#include "guest/control/process_table.h"
#include "guest/control/unit_state.h"
#include "sys/file.h"

namespace inro::guest::control {
namespace {

TEST(ProcessTable, ReadsAFakeProc) {
  auto dir = sys::TempDir::Create("inro-proc");
  ASSERT_TRUE(dir.has_value());
  const std::string proc = dir->path();
  ASSERT_TRUE(sys::MakeDirectories(proc + "/42").has_value());
  ASSERT_TRUE(sys::MakeDirectories(proc + "/7").has_value());
  ASSERT_TRUE(sys::MakeDirectories(proc + "/self").has_value());
  ASSERT_TRUE(sys::WriteFile(proc + "/42/status",
                             "Name:\tchronyd\nUid:\t0\t101\t0\t0\nVmRSS:\t    3000 kB\n")
                  .has_value());
  ASSERT_TRUE(sys::WriteFile(proc + "/42/cmdline", "chronyd").has_value());
  ASSERT_TRUE(sys::WriteFile(proc + "/42/cgroup", "0::/system.slice/chrony.service\n").has_value());
  ASSERT_TRUE(
      sys::WriteFile(proc + "/42/smaps_rollup", "x [rollup]\nRss:    2900 kB\nPss:    1500 kB\n")
          .has_value());
  ASSERT_TRUE(sys::WriteFile(proc + "/7/status", "Name:\tkworker\nUid:\t0\t0\t0\t0\n").has_value());
  const auto processes = ReadProcesses(proc);
  ASSERT_TRUE(processes.has_value()) << processes.error().ToString();
  ASSERT_EQ(processes->size(), 2u);
  EXPECT_TRUE((*processes)[0].kernel_thread);
  EXPECT_EQ((*processes)[1].name, "chronyd");
  EXPECT_EQ((*processes)[1].uid, 101u);
  EXPECT_EQ((*processes)[1].rss_kib, 3000u);
  EXPECT_EQ((*processes)[1].unit, "chrony.service");
  EXPECT_EQ(ReadResident(42, proc).rss_kib, 2900u);
  EXPECT_EQ(ReadResident(42, proc).pss_kib, 1500u);
  EXPECT_EQ(ReadResident(43, proc).pss_kib, 0u);
}

TEST(ProcessTable, AZombieIsNoKernelThread) {
  auto dir = sys::TempDir::Create("inro-proc");
  ASSERT_TRUE(dir.has_value());
  const std::string proc = dir->path();
  ASSERT_TRUE(sys::MakeDirectories(proc + "/9").has_value());
  ASSERT_TRUE(
      sys::WriteFile(proc + "/9/status", "Name:\tsh\nState:\tZ (zombie)\nUid:\t0\t0\t0\t0\n")
          .has_value());
  ASSERT_TRUE(sys::WriteFile(proc + "/9/cmdline", "").has_value());
  const auto processes = ReadProcesses(proc);
  ASSERT_TRUE(processes.has_value()) << processes.error().ToString();
  ASSERT_EQ(processes->size(), 1u);
  EXPECT_EQ(processes->front().state, 'Z');
  EXPECT_FALSE(processes->front().kernel_thread);
}

TEST(ProcessTable, FindsItselfInTheRealProc) {
  const auto processes = ReadProcesses();
  ASSERT_TRUE(processes.has_value());
  bool self = false;
  for (const Process& process : *processes) {
    self = self || (process.pid == ::getpid() && process.rss_kib > 0 && !process.kernel_thread);
  }
  EXPECT_TRUE(self);
}

TEST(ProcessTable, UnitOfCgroup) {
  EXPECT_EQ(UnitOfCgroup("0::/system.slice/chrony.service\n"), "chrony.service");
  EXPECT_EQ(UnitOfCgroup("0::/init.scope\n"), "init.scope");
  EXPECT_EQ(UnitOfCgroup("0::/\n"), "");
  EXPECT_EQ(UnitOfCgroup("4:memory:/a.slice/b.service/sub\n"), "b.service");
  EXPECT_EQ(UnitOfCgroup("garbage"), "");
}

constexpr std::string_view kGoodTable =
    "22 1 0:21 / / rw,relatime - overlay overlay rw\n"
    "23 22 0:5 / /proc rw shared:1 - proc proc rw\n"
    "24 22 0:6 / /sys rw - sysfs sysfs rw\n"
    "25 24 0:7 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    "26 22 0:8 / /dev rw - devtmpfs devtmpfs rw\n"
    "27 26 0:9 / /dev/pts rw - devpts devpts rw\n"
    "28 26 0:10 / /dev/shm rw - tmpfs tmpfs rw\n"
    "29 22 0:11 / /run rw - tmpfs tmpfs rw\n"
    "30 22 0:12 / /tmp rw - tmpfs tmpfs rw\n";

TEST(Mounts, AcceptsTheStandardTable) {
  const MountCheck check = CheckMounts(ParseMountInfo(kGoodTable));
  EXPECT_TRUE(check.ok) << check.evidence;
  EXPECT_NE(check.evidence.find("/sys/fs/cgroup cgroup2"), std::string::npos);
}

TEST(Mounts, AcceptsAFlatInitrdBoundOntoItself) {
  std::string table(kGoodTable);
  table.replace(0, table.find('\n'), "22 1 0:2 / / rw - rootfs rootfs rw");
  const MountCheck check =
      CheckMounts(ParseMountInfo("1 1 0:2 / / rw - rootfs rootfs rw\n" + table));
  EXPECT_TRUE(check.ok) << check.evidence;
}

TEST(Mounts, NamesWhatIsMissingOrWrong) {
  std::string table(kGoodTable);
  table.replace(0, table.find('\n'), "1 1 0:2 / / rw - rootfs rootfs rw");
  table.erase(table.find("30 22"));
  const MountCheck check = CheckMounts(ParseMountInfo(table));
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.evidence, "/ is rootfs, /tmp is not mounted");
}

TEST(Mounts, DecodesEscapesAndSkipsGarbage) {
  const auto mounts =
      ParseMountInfo("nonsense\n1 2 3:4 / /a\\040b rw - tmpfs none rw\n1 2 3 / /x rw -\n\\");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].point, "/a b");
}

TEST(Firewall, ReadsTheDropCounter) {
  EXPECT_EQ(DropCounter("Chain INPUT (policy ACCEPT 1 packets, 29 bytes)\n"
                        "    pkts      bytes target     prot opt in     out     source\n"
                        "       3       87 DROP       udp  --  *      *       0.0.0.0/0\n"),
            3);
  EXPECT_EQ(DropCounter("Chain INPUT (policy DROP 5 packets)\n"), -1);
  EXPECT_EQ(DropCounter(""), -1);
}

FirewallSeen WorkingFirewall() {
  return {.version = "iptables v1.8.9 (nf_tables)",
          .sent = 3,
          .arrived = 0,
          .counted = 3,
          .sent_to = "127.0.0.1:4243",
          .received_at = "127.0.0.1:4244",
          .sent_from = "127.0.0.1:40000",
          .seen_from = "127.0.0.9:40000",
          .answered = true};
}

TEST(Firewall, ItsEvidenceNamesWhatWasDroppedCountedAndTranslated) {
  const auto evidence = FirewallEvidence(WorkingFirewall());
  ASSERT_TRUE(evidence.has_value()) << evidence.error().ToString();
  EXPECT_EQ(*evidence,
            "iptables v1.8.9 (nf_tables): a DROP rule dropped 3 datagrams and counted 3; DNAT "
            "brought one for 127.0.0.1:4243 to 127.0.0.1:4244, SNAT made its source "
            "127.0.0.9:40000 of 127.0.0.1:40000, and its answer came back");
}

TEST(Firewall, WhatDoesNotWorkIsNoEvidence) {
  const auto problem = [](auto change) {
    FirewallSeen seen = WorkingFirewall();
    change(seen);
    const auto evidence = FirewallEvidence(seen);
    return evidence ? "none" : evidence.error().ToString();
  };
  EXPECT_EQ(problem([](FirewallSeen& seen) { seen.arrived = 1; }),
            "1 of 3 datagrams arrived in spite of the DROP rule");
  EXPECT_EQ(problem([](FirewallSeen& seen) { seen.counted = -1; }),
            "3 datagrams were dropped, but the rule counted -1");
  EXPECT_EQ(problem([](FirewallSeen& seen) { seen.received_at.clear(); }),
            "a datagram to 127.0.0.1:4243 did not arrive where the DNAT rule says");
  EXPECT_EQ(problem([](FirewallSeen& seen) { seen.seen_from = seen.sent_from; }),
            "a datagram came from 127.0.0.1:40000, in spite of the SNAT rule");
  EXPECT_EQ(problem([](FirewallSeen& seen) { seen.answered = false; }),
            "the answer to a datagram that NAT rewrote did not come back");
}

TEST(UnitState, ParsesBlocksOfSystemctl) {
  const auto units = ParseSystemctlShow(
      "Id=kata-agent.service\nActiveState=active\nMainPID=77\n"
      "InactiveExitTimestampMonotonic=100\nActiveEnterTimestampMonotonic=200\nResult=success\n"
      "\nId=chrony.service\nActiveState=failed\nMainPID=0\nResult=exit-code\n");
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[0].name, "chrony.service");
  EXPECT_EQ(units[0].result, "exit-code");
  EXPECT_EQ(units[1].pid, 77u);
  EXPECT_EQ(units[1].active_us, 200u);
  EXPECT_EQ(units[1].result, "");
}

TEST(UnitState, ParsesTheStateFileOfRoleInit) {
  const auto units = ParseUnitsTsv(
      "unit\tactive\tsub\tpid\tstarted_us\tactive_us\trestarts\tresult\tstatus\n"
      "kata-agent.service\tactive\trunning\t77\t100\t200\t0\tsuccess\tserving\n"
      "cut\tline\n"
      "chrony.service\tfailed\tdead\t0\t5\t0\t3\texit-code\t\n");
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[0].name, "chrony.service");
  EXPECT_EQ(units[0].state, "failed");
  EXPECT_EQ(units[0].result, "exit-code");
  EXPECT_EQ(units[1].pid, 77u);
  EXPECT_EQ(units[1].active_us, 200u);
  EXPECT_EQ(units[1].result, "");
  EXPECT_TRUE(ParseUnitsTsv("").empty());
}

}  // namespace
}  // namespace inro::guest::control
