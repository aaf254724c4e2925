// The disk's layout, proved with the stock kernel: a guest that runs from an initrd gets the image
// as an NVDIMM and as a virtio-blk disk, from the same file, and mounts the root partition of both.
#include <gmock/gmock.h>

#include "guest_run.h"

namespace inro::boot_test {
namespace {

using ::testing::HasSubstr;

// A small guest with a service that loads the modules, mounts both disks as Kata would and compares
// a file of each with a checksum.
constexpr char kDefinition[] = R"toml([source]
kind = "apt"
suite = "bookworm"
packages = ["dash", "kmod", "mount", "coreutils"]

[services]
enable = ["disk-check.service"]

[[files]]
path = "/usr/lib/systemd/system/disk-check.service"
content = '''
[Unit]
Description=Mounts the root partition of an NVDIMM and of a virtio-blk disk
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/disk-check
[Install]
WantedBy=kata-containers.target
'''

[[files]]
path = "/usr/bin/disk-check"
mode = "0755"
content = '''
#!/bin/sh
exec >/dev/console 2>&1
fail() { echo "disk-check: FAILED: $*"; exit 1; }
PATH=/usr/sbin:/usr/bin:/sbin:/bin
for module in libnvdimm nfit nd_btt nd_pmem virtio_blk; do
  modprobe $module || fail "load $module"
done
for device in pmem0p1 vda1; do
  tries=0
  while [ ! -b /dev/$device ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || fail "/dev/$device does not appear: $(ls /dev | tr '\n' ' ')"
    sleep 0.1
  done
  mkdir -p /run/$device
done
mount -t ext4 -o ro,dax,data=ordered,errors=remount-ro /dev/pmem0p1 /run/pmem0p1 ||
  fail "mount pmem0p1 with dax"
mount -t ext4 -o ro,data=ordered,errors=remount-ro /dev/vda1 /run/vda1 || fail "mount vda1"
grep_mounts() { while read -r line; do case $line in *"$1"*) echo "disk-check: $line" ;; esac; done; }
grep_mounts /run/pmem0p1 </proc/mounts
grep_mounts /run/vda1 </proc/mounts
for file in usr/bin/inro-guest usr/sbin/chronyd etc/os-release; do
  one=$(sha256sum </run/pmem0p1/$file) && two=$(sha256sum </run/vda1/$file) || fail "read $file"
  [ "$one" = "$two" ] || fail "$file differs"
  echo "disk-check: $file $one"
done
umount /run/pmem0p1 /run/vda1 || fail "unmount"
echo "disk-check: both mounted"
'''
)toml";

class DiskLayout : public BootTest {};

TEST_F(DiskLayout, SameFileMountsAsPmemWithDaxAndAsVirtioBlk) {
  const auto debian = BuildOnce(DebianSpec());
  if (!debian && NoMirror(debian.error())) GTEST_SKIP() << debian.error().ToString();
  ASSERT_TRUE(debian) << debian.error().ToString();
  const auto disk = debian->Path(kImageSystemd);
  ASSERT_TRUE(disk) << disk.error().ToString();
  const auto build = BuildOnce({"disk-check", kDefinition, {kInitrdInro}});
  ASSERT_TRUE(build) << build.error().ToString();
  auto machine = build->Machine(kInitrdInro);
  ASSERT_TRUE(machine) << machine.error().ToString();
  for (const vmm::DiskAttach attach : {vmm::DiskAttach::kNvdimm, vmm::DiskAttach::kVirtioBlk}) {
    vmm::Disk same;
    same.path = *disk;
    same.attach = attach;
    machine->disks.push_back(same);
  }
  auto run = GuestRun::Start(*machine, "DiskLayout");
  ASSERT_TRUE(run) << run.error().ToString();
  run_ = std::move(*run);
  const auto ready = run_->WaitReady();
  ASSERT_TRUE(ready) << ready.error().ToString();
  ExpectHealthy();
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  const protocol::UnitState* unit = UnitNamed(*state, "disk-check.service");
  ASSERT_NE(unit, nullptr);
  EXPECT_EQ(unit->state, "active") << unit->result;
  const std::string console = run_->Console();
  EXPECT_THAT(console, HasSubstr("disk-check: both mounted"));
  // The kernel falls back to no DAX with a warning only: its own mount table has to say it.
  EXPECT_THAT(console, ::testing::ContainsRegex("/dev/pmem0p1 /run/pmem0p1 ext4 [^ ]*dax"));
  EXPECT_THAT(console, HasSubstr("/dev/vda1 /run/vda1 ext4 ro"));
  ExpectPowerOff();
}

}  // namespace
}  // namespace inro::boot_test
