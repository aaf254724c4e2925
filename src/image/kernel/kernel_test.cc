#include "image/kernel/kernel.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>

#include <algorithm>
#include <cstring>

#include "image/kernel/module_index.h"
#include "image/kernel/module_sets.h"

namespace inro::image {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A relocatable ELF file with nothing but a .modinfo section.
std::string MakeModule(std::string modinfo) {
  const std::string names("\0.modinfo\0.shstrtab\0", 20);
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_REL;
  header.e_machine = EM_X86_64;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  header.e_shoff = sizeof(header) + modinfo.size() + names.size();
  Elf64_Shdr sections[3] = {};
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_offset = sizeof(header);
  sections[1].sh_size = modinfo.size();
  sections[2].sh_name = 10;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = sizeof(header) + modinfo.size();
  sections[2].sh_size = names.size();
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes += modinfo + names;
  bytes.append(reinterpret_cast<const char*>(sections), sizeof(sections));
  return bytes;
}

std::string Info(std::string_view text) {
  std::string info(text);
  std::replace(info.begin(), info.end(), '|', '\0');
  info += '\0';
  return info;
}

std::string MakeBzImage(std::string_view version) {
  std::string bytes(0x400, '\0');
  bytes[0x1fe] = '\x55';
  bytes[0x1ff] = '\xaa';
  bytes.replace(0x202, 4, "HdrS");
  bytes[0x20e] = '\x00';
  bytes[0x20f] = '\x01';  // the text is at 0x200 + 0x100
  bytes.replace(0x300, version.size(), version);
  return bytes;
}

std::string Xz(const std::string& bytes) {
  std::string out(bytes.size() + 1024, '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
                6, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                bytes.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

Tree MakePackage() {
  Tree tree;
  const std::string top = "usr/lib/modules/6.1.0-9-test/";
  const auto put = [&](const std::string& path, std::string bytes) {
    ASSERT_TRUE(tree.Put(path, MakeFile(std::move(bytes))).has_value());
  };
  put("boot/vmlinuz-6.1.0-9-test", MakeBzImage("6.1.0-9-test (x@y) #1 SMP"));
  put("boot/config-6.1.0-9-test",
      "CONFIG_EXT4_FS=y\nCONFIG_VIRTIO=m\n# CONFIG_NET_9P is not set\n");
  put(top + "modules.builtin", "kernel/drivers/nvme/host/nvme.ko\n");
  put(top + "modules.builtin.modinfo", std::string("nvme.alias=pci:v*d*bc01\0", 24));
  put(top + "modules.order",
      "kernel/drivers/virtio/virtio_ring.ko\nkernel/drivers/virtio/virtio.ko\nkernel/fs/other.ko\n"
      "kernel/net/virtio-vsock.ko\n");
  put(top + "kernel/drivers/virtio/virtio_ring.ko", MakeModule(Info("name=virtio_ring|depends=")));
  put(top + "kernel/drivers/virtio/virtio.ko.xz",
      Xz(MakeModule(Info("name=virtio|depends=virtio_ring"))));
  put(top + "kernel/fs/other.ko", MakeModule(Info("depends=")));
  put(top + "kernel/lib/helper.ko", MakeModule(Info("depends=")));
  put(top + "kernel/net/virtio-vsock.ko",
      MakeModule(Info("depends=virtio|alias=virtio:d00000013v*|softdep=pre: helper absent_one")));
  return tree;
}

TEST(Kernel, SelectsTheClosureInLoadOrder) {
  const auto kernel = SelectKernel(MakePackage(), {"virtio-vsock", "nvme", "ext4", "9p"});
  ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();
  EXPECT_EQ(kernel->file.release, "6.1.0-9-test");
  std::vector<std::string> order;
  for (const GuestModule& module : kernel->load_order) order.push_back(module.name);
  EXPECT_THAT(order, ElementsAre("helper", "virtio_ring", "virtio", "virtio_vsock"));
  EXPECT_THAT(kernel->built_in, ElementsAre("nvme", "ext4"));
  EXPECT_THAT(kernel->missing, ElementsAre("9p"));
  EXPECT_EQ(kernel->config.Feature("VIRTIO"), KernelFeature::kModule);
  EXPECT_EQ(kernel->config.Feature("NET_9P"), KernelFeature::kAbsent);
  // Compressed modules are unpacked; what nobody wanted stays out.
  EXPECT_TRUE(
      kernel->modules.Contains("usr/lib/modules/6.1.0-9-test/kernel/drivers/virtio/virtio.ko"));
  EXPECT_FALSE(kernel->modules.Contains("usr/lib/modules/6.1.0-9-test/kernel/fs/other.ko"));
}

TEST(Kernel, WritesIndexesThatCanBeAsked) {
  const auto kernel = SelectKernel(MakePackage(), {"virtio_vsock"});
  ASSERT_TRUE(kernel.has_value());
  const std::string top = "usr/lib/modules/6.1.0-9-test/";
  EXPECT_EQ(*kernel->modules.ReadFile(top + "modules.dep"),
            "kernel/drivers/virtio/virtio_ring.ko:\n"
            "kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko\n"
            "kernel/net/virtio-vsock.ko: kernel/drivers/virtio/virtio.ko "
            "kernel/drivers/virtio/virtio_ring.ko\n"
            "kernel/lib/helper.ko:\n");
  EXPECT_EQ(*kernel->modules.ReadFile(top + "modules.order"),
            "kernel/drivers/virtio/virtio_ring.ko\nkernel/drivers/virtio/virtio.ko\n"
            "kernel/net/virtio-vsock.ko\n");
  EXPECT_THAT(LookUpBinaryIndex(*kernel->modules.ReadFile(top + "modules.dep.bin"), "virtio"),
              ElementsAre("kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko"));
  EXPECT_THAT(
      LookUpBinaryIndex(*kernel->modules.ReadFile(top + "modules.alias.bin"), "virtio:d00000013v*"),
      ElementsAre("virtio_vsock"));
  EXPECT_THAT(LookUpBinaryIndex(*kernel->modules.ReadFile(top + "modules.builtin.bin"), "nvme"),
              ElementsAre(""));
  EXPECT_THAT(LookUpBinaryIndex(*kernel->modules.ReadFile(top + "modules.dep.bin"), "virti"),
              IsEmpty());
}

TEST(Kernel, GivesRoleInitItsLists) {
  const auto kernel = SelectKernel(MakePackage(), {"virtio", "other"});
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(EarlyModulesText(*kernel, {"virtio", "nvme"}),
            "/usr/lib/modules/6.1.0-9-test/kernel/drivers/virtio/virtio_ring.ko\n"
            "/usr/lib/modules/6.1.0-9-test/kernel/drivers/virtio/virtio.ko\n");
  EXPECT_EQ(LateModulesText(*kernel, {"other", "absent"}), "other\n");
  // What does not depend on each other is parted by an empty line; the larger group comes first.
  const std::string both = EarlyModulesText(*kernel, {"other", "virtio"});
  EXPECT_TRUE(both.starts_with("/usr/lib/modules/6.1.0-9-test/kernel/drivers/virtio/virtio_ring"))
      << both;
  EXPECT_THAT(both, HasSubstr("virtio.ko\n\n/usr/lib/modules/"));
}

TEST(Kernel, RefusesWhatIsNone) {
  Tree empty;
  EXPECT_THAT(SelectKernel(empty, {}).error().ToString(), HasSubstr("0 files boot/vmlinuz-*"));
  Tree damaged = MakePackage();
  ASSERT_TRUE(damaged.Put("usr/lib/modules/6.1.0-9-test/kernel/lib/helper.ko", MakeFile("no ELF")));
  EXPECT_THAT(SelectKernel(damaged, {"helper"}).error().ToString(), HasSubstr("no kernel module"));
  ASSERT_TRUE(damaged.Put("boot/vmlinuz-other", MakeFile("x")));
  EXPECT_FALSE(SelectKernel(damaged, {}).has_value());
  Tree lacking = MakePackage();
  lacking.Remove("usr/lib/modules/6.1.0-9-test/kernel/drivers/virtio/virtio_ring.ko");
  EXPECT_THAT(SelectKernel(lacking, {"virtio"}).error().ToString(),
              HasSubstr("depends on virtio_ring"));
}

TEST(Kernel, InspectsFilesOfTheUser) {
  const auto file = InspectKernel(MakeBzImage("6.12.3 (me) #2"), "mine");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->release, "6.12.3");
  EXPECT_EQ(file->version, "6.12.3 (me) #2");
  const auto wrong = InspectKernel("#!/bin/sh\n", "mine");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().kind(), ErrorKind::kBadInput);
  EXPECT_FALSE(InspectKernel(std::string(0x20f, '\0'), "short").has_value());
}

TEST(Kernel, ModulesOfAForeignKernelMayBeBuiltIn) {
  auto file = InspectKernel(MakeBzImage("6.12.3"), "mine");
  ASSERT_TRUE(file.has_value());
  const auto kernel = SelectModules(*file, KernelConfig::Parse("CONFIG_VIRTIO_BLK=y\n"), Tree(),
                                    {"virtio_blk", "vsock", "erofs"}, {"vsock"});
  ASSERT_TRUE(kernel.has_value()) << kernel.error().ToString();
  EXPECT_THAT(kernel->built_in, ElementsAre("virtio_blk", "vsock"));
  EXPECT_THAT(kernel->missing, ElementsAre("erofs"));
}

TEST(BinaryIndex, SplitsSharedPrefixes) {
  BinaryIndex index;
  index.Insert("virtio_pci", "b", 2);
  index.Insert("virtio", "a", 1);
  index.Insert("virtio_blk", "c", 3);
  index.Insert("virtio_blk", "first", 0);
  index.Insert("x", "d", 4);
  const std::string bytes = index.Encode();
  EXPECT_THAT(LookUpBinaryIndex(bytes, "virtio"), ElementsAre("a"));
  EXPECT_THAT(LookUpBinaryIndex(bytes, "virtio_pci"), ElementsAre("b"));
  EXPECT_THAT(LookUpBinaryIndex(bytes, "virtio_blk"), ElementsAre("first", "c"));
  EXPECT_THAT(LookUpBinaryIndex(bytes, "x"), ElementsAre("d"));
  EXPECT_THAT(LookUpBinaryIndex(bytes, "y"), IsEmpty());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    (void)LookUpBinaryIndex(std::string_view(bytes).substr(0, size), "virtio_blk");
  }
}

// What depmod 30 writes as modules.builtin.bin for ab.ko, abc.ko and b-d.ko.
TEST(BinaryIndex, HasDepmodsBytes) {
  constexpr unsigned char kGolden[] = {
      0xb0, 0x07, 0xf4, 0x57, 0x00, 0x02, 0x00, 0x01, 0x20, 0x00, 0x00, 0x32, 0x00, 0x00, 0x00,
      0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x62, 0x00, 0x63, 0x63, 0x40, 0x00, 0x00, 0x0c, 0x00,
      0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x5f, 0x64, 0x00, 0x00, 0x00, 0x00, 0x01,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x61, 0x62, 0xe0, 0x00, 0x00, 0x15, 0xc0, 0x00, 0x00, 0x26};
  BinaryIndex index;
  for (const char* name : {"ab", "abc", "b_d"}) index.Insert(name, "", 0);
  const std::string bytes = index.Encode();
  EXPECT_THAT(std::vector<unsigned char>(bytes.begin(), bytes.end()),
              testing::ElementsAreArray(kGolden));
}

TEST(ModuleIndex, TextKeepsAliasesAsTheyAre) {
  IndexedModule module;
  module.name = "app";
  module.path = "kernel/app.ko";
  module.info = ParseModuleInfo(
      Info("alias=devname:app-0|alias=char-major-10-5|alias=x-[a-b]-y|softdep=pre: a|softdep=b"));
  const auto files = ModuleIndexFiles({module}, {}, {});
  EXPECT_THAT(files.at("modules.alias"), HasSubstr("\nalias x-[a-b]-y app\n"));
  EXPECT_THAT(LookUpBinaryIndex(files.at("modules.alias.bin"), "x_[a-b]_y"), ElementsAre("app"));
  EXPECT_THAT(files.at("modules.softdep"), HasSubstr("\nsoftdep app pre: a\nsoftdep app b\n"));
  EXPECT_THAT(files.at("modules.devname"), HasSubstr("\napp app-0 c10:5\n"));
}

TEST(ModuleSets, NameEachModuleOnceAndRingBeforeVirtio) {
  const auto modules = ModulesOf({"vsock", "nested-root", "firewall", "unknown"});
  const std::set<std::string> unique(modules.begin(), modules.end());
  EXPECT_EQ(unique.size(), modules.size());
  const auto ring = std::find(modules.begin(), modules.end(), "virtio_ring");
  EXPECT_LT(ring, std::find(modules.begin(), modules.end(), "virtio"));
  EXPECT_EQ(FindModuleSet("unknown"), nullptr);
}

}  // namespace
}  // namespace inro::image
