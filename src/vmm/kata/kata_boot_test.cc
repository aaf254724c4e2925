#include "vmm/kata/kata_boot.h"

#include <gtest/gtest.h>

namespace inro::vmm {
namespace {

std::string Line(const KataConfig& config) {
  const auto words = KataCommandLine(config, 8);
  if (!words) return words.error().ToString();
  std::string line;
  for (const auto& word : *words) line += (line.empty() ? "" : " ") + word;
  return line;
}

KataConfig Base() {
  KataConfig config;
  config.file = "c.toml";
  config.hypervisor = "qemu";
  config.kernel = "/k";
  config.image = "/a.img";
  return config;
}

constexpr std::string_view kQemu =
    "tsc=reliable no_timer_check rcupdate.rcu_expedited=1 i8042.direct=1 i8042.dumbkbd=1 "
    "i8042.nopnp=1 i8042.noaux=1 noreplace-smp reboot=k cryptomgr.notests net.ifnames=0 "
    "pci=lastbus=0 console=ttyS0";
constexpr std::string_view kUnits =
    "systemd.unit=kata-containers.target systemd.mask=systemd-networkd.service "
    "systemd.mask=systemd-networkd.socket";

TEST(KataCommandLine, ImageOnNvdimm) {
  KataConfig config = Base();
  config.kernel_params = "cgroup_no_v1=all  mine=1 ";
  EXPECT_EQ(Line(config),
            fmt::format("{} root=/dev/pmem0p1 rootflags=dax,data=ordered,errors=remount-ro ro "
                        "rootfstype=ext4 quiet systemd.show_status=false panic=1 nr_cpus=8 "
                        "selinux=0 {} cgroup_no_v1=all mine=1",
                        kQemu, kUnits));
}

TEST(KataCommandLine, ImageOnVirtioBlkWithDebugAndAgentWords) {
  KataConfig config = Base();
  config.disable_image_nvdimm = true;
  config.rootfs_type = "erofs";
  config.enable_debug = true;
  config.agent_debug = true;
  config.agent_tracing = true;
  config.debug_console = true;
  config.default_maxvcpus = 3;
  config.disable_guest_selinux = false;
  EXPECT_EQ(Line(config),
            fmt::format("{} root=/dev/vda1 rootflags=ro rootfstype=erofs debug "
                        "systemd.show_status=true systemd.log_level=debug panic=1 nr_cpus=3 {} "
                        "agent.log=debug agent.trace=true agent.debug_console "
                        "agent.debug_console_vport=1026",
                        kQemu, kUnits));
}

TEST(KataCommandLine, InitrdHasNeitherRootNorSystemdWords) {
  KataConfig config = Base();
  config.image.clear();
  config.initrd = "/a.initrd";
  EXPECT_EQ(Line(config), fmt::format("{} quiet panic=1 nr_cpus=8 selinux=0", kQemu));
}

TEST(KataMachine, ExtensionsAreDisksAndWords) {
  KataConfig config = Base();
  config.image.clear();
  config.initrd = "/a.initrd";
  config.kernel_params = "last";
  config.extensions = {{"tools", "/tools.img", "root_hash=ab"}, {"bare", "/bare.img", ""}};
  EXPECT_EQ(Line(config), fmt::format("{} quiet panic=1 nr_cpus=8 selinux=0 "
                                      "kata.extension.tools.verity_params=root_hash=ab "
                                      "kata.extension.bare.verity_params last",
                                      kQemu));
  const auto machine = KataMachine(config, 8);
  ASSERT_TRUE(machine.has_value()) << machine.error().ToString();
  ASSERT_EQ(machine->disks.size(), 2u);
  EXPECT_EQ(machine->disks[0].path, "/tools.img");
  EXPECT_EQ(machine->disks[0].serial, "extension-tools");
  EXPECT_EQ(machine->disks[0].attach, DiskAttach::kVirtioBlk);
  EXPECT_TRUE(machine->disks[0].readonly);
}

TEST(KataCommandLine, CloudHypervisorNamesARootForAnInitrdToo) {
  KataConfig config = Base();
  config.hypervisor = "clh";
  config.disable_image_nvdimm = true;
  config.image.clear();
  config.initrd = "/a.initrd";
  EXPECT_EQ(Line(config),
            "panic=1 no_timer_check noreplace-smp console=ttyS0,115200n8 root=/dev/vda1 "
            "rootflags=data=ordered,errors=remount-ro ro rootfstype=ext4 quiet");
}

TEST(KataCommandLine, VerityBecomesAMappedRoot) {
  KataConfig config = Base();
  config.disable_image_nvdimm = true;
  config.kernel_verity_params =
      "root_hash=ab12,salt=cd34,data_blocks=100,data_block_size=4096,hash_block_size=4096";
  EXPECT_NE(Line(config).find("dm-mod.create=\"dm-verity,,,ro,0 800 verity 1 /dev/vda1 /dev/vda2 "
                              "4096 4096 100 0 sha256 ab12 cd34\" root=/dev/dm-0 "),
            std::string::npos)
      << Line(config);
  for (const char* bad :
       {"root_hash=xyz,salt=cd,data_blocks=1,data_block_size=4096,hash_block_size=4096",
        "root_hash=ab,salt=cd,data_blocks=0,data_block_size=4096,hash_block_size=4096",
        "root_hash=ab,salt=cd,data_blocks=1,data_block_size=100,hash_block_size=4096", "colour=red",
        "root_hash"}) {
    config.kernel_verity_params = bad;
    EXPECT_EQ(KataCommandLine(config, 1).error().kind(), ErrorKind::kBadInput) << bad;
  }
}

TEST(KataMachine, TakesDiskMemoryAndProcessors) {
  KataConfig config = Base();
  config.default_memory = 512;
  config.default_vcpus = -1;
  const auto machine = KataMachine(config, 6);
  ASSERT_TRUE(machine.has_value());
  EXPECT_EQ(machine->kernel, "/k");
  ASSERT_TRUE(machine->image.has_value());
  EXPECT_EQ(machine->image->attach, DiskAttach::kNvdimm);
  EXPECT_TRUE(machine->image->readonly);
  EXPECT_EQ(machine->memory_mib, 512u);
  EXPECT_EQ(machine->cpus, 6u);
  config.disable_image_nvdimm = true;
  EXPECT_EQ(KataMachine(config, 6)->image->attach, DiskAttach::kVirtioBlk);
}

}  // namespace
}  // namespace inro::vmm
