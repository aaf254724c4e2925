// A disk image with an EROFS root, proved with the stock kernel. That has EROFS as a module, so it
// cannot be the root's format without an initrd: a guest that runs from one mounts the image as an
// NVDIMM and as a virtio-blk disk and compares files with its own, which are of the same tree.
#include <gmock/gmock.h>

#include "guest_run.h"

namespace inro::boot_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr char kDefinition[] = R"toml([source]
kind = "apt"
suite = "bookworm"
packages = ["dash", "kmod", "mount", "coreutils"]

[image]
format = "erofs"

[services]
enable = ["erofs-check.service"]

[[files]]
path = "/usr/lib/systemd/system/erofs-check.service"
content = '''
[Unit]
Description=Mounts an EROFS root partition
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/erofs-check
[Install]
WantedBy=kata-containers.target
'''

[[files]]
path = "/usr/bin/erofs-check"
mode = "0755"
content = '''
#!/bin/sh
exec >/dev/console 2>&1
fail() { echo "erofs-check: FAILED: $*"; exit 1; }
PATH=/usr/sbin:/usr/bin:/sbin:/bin
for module in erofs libnvdimm nfit nd_btt nd_pmem virtio_blk; do
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
  mount -t erofs -o ro /dev/$device /run/$device || fail "mount $device"
  for file in usr/bin/inro-guest usr/bin/sha256sum usr/bin/erofs-check; do
    one=$(sha256sum </run/$device/$file) && two=$(sha256sum </$file) || fail "read $file"
    [ "$one" = "$two" ] || fail "$file differs"
    [ "$(stat -c '%a %u %g %s' /run/$device/$file)" = "$(stat -Lc '%a %u %g %s' /$file)" ] ||
      fail "owner, mode or size of $file differ"
  done
  while read -r line; do
    case $line in *"/dev/$device "*) echo "erofs-check: $line" ;; esac
  done </proc/mounts
  umount /run/$device || fail "unmount $device"
done
echo "erofs-check: all alike"
'''
)toml";

class ErofsLayout : public BootTest {};

TEST_F(ErofsLayout, MountsAsPmemAndAsVirtioBlk) {
  const auto build = BuildOnce({"erofs-check", kDefinition, {kInitrdInro, kImageInro}});
  if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
  ASSERT_TRUE(build) << build.error().ToString();
  const auto disk = build->Path(kImageInro);
  ASSERT_TRUE(disk) << disk.error().ToString();
  auto machine = build->Machine(kInitrdInro);
  ASSERT_TRUE(machine) << machine.error().ToString();
  for (const vmm::DiskAttach attach : {vmm::DiskAttach::kNvdimm, vmm::DiskAttach::kVirtioBlk}) {
    vmm::Disk same;
    same.path = *disk;
    same.attach = attach;
    machine->disks.push_back(same);
  }
  auto run = GuestRun::Start(*machine, "ErofsLayout");
  ASSERT_TRUE(run) << run.error().ToString();
  run_ = std::move(*run);
  const auto ready = run_->WaitReady();
  ASSERT_TRUE(ready) << ready.error().ToString();
  ExpectHealthy();
  const std::string console = run_->Console();
  EXPECT_THAT(console, ContainsRegex("/dev/pmem0p1 /run/pmem0p1 erofs ro"));
  EXPECT_THAT(console, ContainsRegex("/dev/vda1 /run/vda1 erofs ro"));
  EXPECT_THAT(console, HasSubstr("erofs-check: all alike"));
  ExpectPowerOff();
}

}  // namespace
}  // namespace inro::boot_test
