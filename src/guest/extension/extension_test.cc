#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "guest/extension/extension_disk.h"
#include "guest/extension/module_set.h"
#include "guest/extension/mount_extension.h"
#include "sys/fake/fake_mounts.h"
#include "sys/fake/memory_file_source.h"

namespace inro::guest::extension {
namespace {

class FakeMapper final : public sys::DeviceMapper {
 public:
  std::vector<std::pair<std::string, sys::MapperTarget>> devices;

  Result<std::string> Create(std::string_view name, const sys::MapperTarget& target) override {
    devices.emplace_back(name, target);
    return "/dev/dm-7";
  }
  Result<> Remove(std::string_view name) override {
    return std::erase_if(devices, [&](const auto& device) { return device.first == name; }) > 0
               ? Result<>()
               : Fail("no device {}", name);
  }
  Result<sys::MapperTarget> Status(std::string_view name) override {
    for (const auto& [known, target] : devices) {
      if (known == name) return target;
    }
    return Fail("no device {}", name);
  }
};

class FakeCheck final : public ContentCheck {
 public:
  bool broken = false;
  std::uint64_t read_bytes = 0;
  std::vector<std::string> folders;

  Result<> ReadDevice(const std::string& node, std::uint64_t bytes) override {
    read_bytes = bytes;
    return broken ? Fail("read {}", node) : Result<>();
  }
  Result<> ReadMetadata(const std::string& folder) override {
    folders.push_back(folder);
    return broken ? Fail("read {}", folder) : Result<>();
  }
};

class Extension : public ::testing::Test {
 protected:
  void AddDisk(const std::string& name, const std::string& serial, bool hash = true) {
    const std::string folder = "/sys/block/" + name;
    files_.AddFile(folder + "/serial", serial);
    files_.AddFile(folder + "/dev", "254:16\n");
    files_.AddFile(folder + "/size", "40960\n");
    files_.AddFile(folder + "/" + name + "1/dev", "254:17\n");
    files_.AddFile(folder + "/" + name + "1/size", "32768\n");
    if (!hash) return;
    files_.AddFile(folder + "/" + name + "2/dev", "254:18\n");
    files_.AddFile(folder + "/" + name + "2/size", "1024\n");
  }
  Result<std::string> Mount(std::string_view verity) {
    INRO_ASSIGN(const ExtensionDisk disk, FindExtensionDisk(files_, "extension-tools"));
    return MountExtension("tools", verity, disk, {files_, mapper_, mounts_, check_});
  }
  static std::string Parameters(std::uint64_t blocks) {
    return fmt::format("root_hash={},salt=0011,data_blocks={}", std::string(64, 'b'), blocks);
  }

  sys::MemoryFileSource files_;
  FakeMapper mapper_;
  sys::FakeMounts mounts_;
  FakeCheck check_;
};

TEST_F(Extension, DisksAreFoundBySerial) {
  AddDisk("vda", "inro-disk0");
  AddDisk("vdb", "extension-tools");
  auto disk = FindExtensionDisk(files_, "extension-tools");
  ASSERT_TRUE(disk) << disk.error().ToString();
  EXPECT_EQ(disk->data.name, "vdb1");
  EXPECT_EQ(disk->data.number, "254:17");
  EXPECT_EQ(disk->data.bytes, 32768u * 512);
  EXPECT_TRUE(disk->hash.exists());
  const auto absent = FindExtensionDisk(files_, "extension-other");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind(), ErrorKind::kNotFound);
  AddDisk("vdc", "extension-tools");
  EXPECT_FALSE(FindExtensionDisk(files_, "extension-tools"));
}

TEST_F(Extension, ADiskTellsTwentyBytesOfItsSerial) {
  AddDisk("vdb", "extension-long-name-");
  EXPECT_TRUE(FindExtensionDisk(files_, "extension-long-name-of-it").has_value());
}

TEST_F(Extension, AMeasuredOneIsVerifiedAndReadBeforeItIsMounted) {
  AddDisk("vdb", "extension-tools");
  const auto mounted = Mount(Parameters(100));
  ASSERT_TRUE(mounted) << mounted.error().ToString();
  ASSERT_EQ(mapper_.devices.size(), 1u);
  EXPECT_EQ(mapper_.devices[0].first, "extension-tools");
  EXPECT_EQ(mapper_.devices[0].second.bytes, 409600u);
  EXPECT_EQ(mapper_.devices[0].second.parameters,
            "1 254:17 254:18 4096 4096 100 0 sha256 " + std::string(64, 'b') + " 0011");
  EXPECT_EQ(check_.read_bytes, 409600u);
  ASSERT_EQ(mounts_.mounted.size(), 1u);
  EXPECT_EQ(mounts_.mounted[0].source, "/dev/dm-7");
  EXPECT_EQ(mounts_.mounted[0].target, "/run/kata-extensions/tools");
  EXPECT_EQ(mounts_.mounted[0].type, "erofs");
  EXPECT_TRUE(UnmountExtension("tools", {files_, mapper_, mounts_, check_}).has_value());
  EXPECT_TRUE(mounts_.mounted.empty());
  EXPECT_TRUE(mapper_.devices.empty());
  EXPECT_TRUE(UnmountExtension("tools", {files_, mapper_, mounts_, check_}).has_value());
}

TEST_F(Extension, WhatIsBrokenLeavesNothingBehind) {
  AddDisk("vdb", "extension-tools");
  check_.broken = true;
  EXPECT_FALSE(Mount(Parameters(100)));
  EXPECT_TRUE(mapper_.devices.empty());
  EXPECT_TRUE(mounts_.mounted.empty());
}

TEST_F(Extension, OfALargeOneTheMetadataAreRead) {
  AddDisk("vdb", "extension-tools");
  files_.AddFile("/sys/block/vdb/vdb1/size", "20971520");
  files_.AddFile("/sys/block/vdb/vdb2/size", "409600");
  ASSERT_TRUE(Mount(Parameters(2'000'000)));
  EXPECT_EQ(check_.read_bytes, 0u);
  EXPECT_EQ(check_.folders, (std::vector<std::string>{"/run/kata-extensions/tools"}));
  ASSERT_TRUE(UnmountExtension("tools", {files_, mapper_, mounts_, check_}));
  check_.broken = true;
  EXPECT_FALSE(Mount(Parameters(2'000'000)));
  EXPECT_TRUE(mounts_.mounted.empty());
  EXPECT_TRUE(mapper_.devices.empty());
}

TEST_F(Extension, ThePartitionsDecideWhetherItIsVerified) {
  AddDisk("vdb", "extension-tools");
  const auto stripped = Mount("");
  ASSERT_FALSE(stripped);
  EXPECT_NE(stripped.error().ToString().find("not mounted unverified"), std::string::npos);
  files_ = {};
  AddDisk("vdb", "extension-tools", false);
  EXPECT_FALSE(Mount(Parameters(100)));
  EXPECT_TRUE(mounts_.mounted.empty());
  ASSERT_TRUE(Mount(""));
  EXPECT_EQ(mounts_.mounted.at(0).source, "/dev/vdb1");
  EXPECT_TRUE(mapper_.devices.empty());
}

TEST_F(Extension, AnImageWithoutPartitionsIsItsFileSystem) {
  files_.AddFile("/sys/block/nvme0n1/serial", "extension-tools  ");
  files_.AddFile("/sys/block/vdb/serial", "extension-tools");
  files_.AddFile("/sys/block/vdb/dev", "254:16");
  files_.AddFile("/sys/block/vdb/size", "8");
  ASSERT_TRUE(Mount(""));
  EXPECT_EQ(mounts_.mounted.at(0).source, "/dev/vdb");
}

TEST_F(Extension, ParametersMustFitTheDisk) {
  AddDisk("vdb", "extension-tools");
  EXPECT_FALSE(Mount(Parameters(4097)));  // one block more than the partition has
  EXPECT_FALSE(Mount("root_hash=12"));
  files_.AddFile("/sys/block/vdb/vdb2/size", "8");  // 100 blocks need one block of hashes
  EXPECT_TRUE(Mount(Parameters(100)));
  ASSERT_TRUE(UnmountExtension("tools", {files_, mapper_, mounts_, check_}));
  EXPECT_FALSE(Mount(Parameters(129)));  // 2 and 1
  files_.AddFile("/sys/block/vdb/vdb2/size", "24");
  EXPECT_TRUE(Mount(Parameters(129)));
}

TEST(ModuleFiles, GoDependenciesFirstAndOnce) {
  sys::MemoryFileSource files;
  files.AddFile("/lib/modules/6/modules.dep",
                "kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko\n"
                "kernel/drivers/md/dm-mod.ko:\n"
                "kernel/drivers/md/dm-bufio.ko: kernel/drivers/md/dm-mod.ko\n"
                "kernel/drivers/md/dm-verity.ko: kernel/drivers/md/dm-bufio.ko "
                "kernel/drivers/md/dm-mod.ko\n");
  constexpr std::array<std::string_view, 3> kNames = {"virtio_blk", "dm_verity", "erofs"};
  EXPECT_EQ(ModuleFiles(files, "/lib/modules/6", kNames),
            (std::vector<std::string>{"/lib/modules/6/kernel/drivers/md/dm-mod.ko",
                                      "/lib/modules/6/kernel/drivers/md/dm-bufio.ko",
                                      "/lib/modules/6/kernel/drivers/md/dm-verity.ko",
                                      "/lib/modules/6/kernel/lib/libcrc32c.ko",
                                      "/lib/modules/6/kernel/fs/erofs/erofs.ko"}));
}

}  // namespace
}  // namespace inro::guest::extension
