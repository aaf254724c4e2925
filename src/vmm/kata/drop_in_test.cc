#include "vmm/kata/drop_in.h"

#include <gtest/gtest.h>

#include "sys/file.h"

namespace inro::vmm {
namespace {

KataConfig Base() {
  KataConfig config;
  config.file = "c.toml";
  config.hypervisor = "qemu";
  config.kernel = "/opt/kata/vmlinux";
  config.image = "/opt/kata/kata.img";
  config.kernel_params = "cgroup_no_v1=all";
  return config;
}

// The first bytes of a bzImage with this version text.
std::string BzImage(std::string_view version) {
  std::string head(0x1000, '\0');
  head.replace(0x202, 4, "HdrS");
  head[0x20e] = 0x00;
  head[0x20f] = 0x04;
  head.replace(0x600, version.size(), version);
  return head;
}

TEST(DropIn, InitrdWithTheStockKernel) {
  const auto text = DropInText({.form = ArtifactForm::kInitrd,
                                .path = "/x/debian.initrd",
                                .kernel = DropInKernel::kStock,
                                .kernel_path = "/x/debian.kernel"},
                               Base());
  ASSERT_TRUE(text.has_value()) << text.error().ToString();
  EXPECT_EQ(*text,
            "# Written by inro: an initrd with init = inro.\n"
            "[hypervisor.qemu]\n"
            "kernel = \"/x/debian.kernel\"\n"
            "image = \"\"\n"
            "initrd = \"/x/debian.initrd\"\n");
}

TEST(DropIn, ImageKeepsKatasKernelAndTheUsersParameters) {
  KataConfig base = Base();
  base.kernel_verity_params = "root_hash=ab";
  const auto text = DropInText({.form = ArtifactForm::kImage,
                                .path = "/x/a \"b\".img",
                                .rootfs_type = "erofs",
                                .init = "systemd",
                                .kernel_params = {"a=1", "b"}},
                               base);
  ASSERT_TRUE(text.has_value()) << text.error().ToString();
  EXPECT_EQ(*text,
            "# Written by inro: an image with init = systemd.\n"
            "[hypervisor.qemu]\n"
            "image = \"/x/a \\\"b\\\".img\"\n"
            "initrd = \"\"\n"
            "rootfs_type = \"erofs\"\n"
            "kernel_verity_params = \"\"\n"
            "kernel_params = \"a=1 b cgroup_no_v1=all\"\n");
}

TEST(DropIn, ExtensionsOfTheArtifactAndTheUsersOwn) {
  KataConfig base = Base();
  base.extensions = {{"tools", "/old/tools.img", "root_hash=aa"},
                     {"devkit", "/opt/devkit.img", ""}};
  DropInArtifact artifact{.form = ArtifactForm::kInitrd, .path = "/x/debian.initrd"};
  EXPECT_EQ(DropInText(artifact, base)->find("guest_extension_images"), std::string::npos)
      << "the user's list counts where nothing is to be added to it";
  artifact.extensions = {{"tools", "/x/tools.img", "root_hash=bb,salt=cc"}};
  const auto text = DropInText(artifact, base);
  ASSERT_TRUE(text.has_value()) << text.error().ToString();
  EXPECT_TRUE(
      text->ends_with("\n[[hypervisor.qemu.guest_extension_images]]\n"
                      "name = \"tools\"\n"
                      "path = \"/x/tools.img\"\n"
                      "verity_params = \"root_hash=bb,salt=cc\"\n"
                      "\n[[hypervisor.qemu.guest_extension_images]]\n"
                      "name = \"devkit\"\n"
                      "path = \"/opt/devkit.img\"\n"
                      "verity_params = \"\"\n"))
      << *text;
  // What was written is read back.
  const auto config = ParseKataConfig(
      {{"c.toml", "[hypervisor.qemu]\nkernel = '/k'\nimage = '/i'\n"}, {"50.toml", *text}});
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->extensions,
            (std::vector<KataExtension>{artifact.extensions[0], base.extensions[1]}));
  artifact.extensions[0].path = "tools.img";
  EXPECT_FALSE(DropInText(artifact, base).has_value());
}

TEST(DropIn, ImageWithTheStockKernelIsRefusedWithTheReason) {
  const auto text = DropInText({.form = ArtifactForm::kImage,
                                .path = "/x/a.img",
                                .kernel = DropInKernel::kStock,
                                .kernel_path = "/x/a.kernel"},
                               Base());
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(ExitCode(text.error()), 2);
  EXPECT_NE(text.error().ToString().find("virtio-blk and nvdimm are modules"), std::string::npos);
  EXPECT_NE(text.error().ToString().find("/dev/pmem0p1"), std::string::npos);
}

TEST(DropIn, ImageIsRefusedWhenTheConfigurationNamesADebianKernel) {
  auto dir = sys::TempDir::Create("inro-kata");
  ASSERT_TRUE(dir.has_value());
  KataConfig base = Base();
  base.kernel = dir->path() + "/vmlinuz";
  const DropInArtifact image{.form = ArtifactForm::kImage, .path = "/x/a.img"};
  ASSERT_TRUE(sys::WriteFile(base.kernel,
                             BzImage("6.1.0-1-cloud-amd64 (debian-kernel@lists.debian.org) #1"))
                  .has_value());
  EXPECT_FALSE(DropInText(image, base).has_value());
  ASSERT_TRUE(sys::WriteFile(base.kernel, BzImage("6.18.2 (builder@kata) #1")).has_value());
  EXPECT_TRUE(DropInText(image, base).has_value());
  // The same with an initrd is fine.
  EXPECT_TRUE(DropInText({.path = "/x/a.initrd"}, base).has_value());
}

TEST(DropIn, RelativePathsAndForeignFileSystemsAreRefused) {
  EXPECT_FALSE(DropInText({.path = "a.initrd"}, Base()).has_value());
  EXPECT_FALSE(DropInText({.path = "/a", .kernel = DropInKernel::kUser, .kernel_path = "k"}, Base())
                   .has_value());
  EXPECT_FALSE(
      DropInText({.form = ArtifactForm::kImage, .path = "/a", .rootfs_type = "squashfs"}, Base())
          .has_value());
}

// What is written is what Kata then reads over the user's configuration.
TEST(DropIn, IsReadBackOverTheConfiguration) {
  auto dir = sys::TempDir::Create("inro-kata");
  ASSERT_TRUE(dir.has_value());
  const std::string configuration = dir->path() + "/configuration.toml";
  ASSERT_TRUE(sys::WriteFile(configuration,
                             "[hypervisor.qemu]\nkernel = '/k'\nimage = '/i'\n"
                             "kernel_params = 'mine'\n")
                  .has_value());
  const auto base = ReadKataConfig(configuration);
  ASSERT_TRUE(base.has_value());
  const std::string path = DropInPath(configuration, "50-inro");
  EXPECT_EQ(path, dir->path() + "/config.d/50-inro.toml");
  ASSERT_TRUE(WriteDropIn(path, {.path = "/x/a\\b.initrd", .kernel_params = {"more=1"}}, *base)
                  .has_value());
  const auto merged = ReadKataConfig(configuration);
  ASSERT_TRUE(merged.has_value()) << merged.error().ToString();
  EXPECT_EQ(merged->initrd, "/x/a\\b.initrd");
  EXPECT_EQ(merged->image, "");
  EXPECT_EQ(merged->kernel, "/k");
  EXPECT_EQ(merged->kernel_params, "more=1 mine");
}

TEST(KernelVersionText, ToleratesAnything) {
  EXPECT_EQ(KernelVersionText(BzImage("6.1")), "6.1");
  EXPECT_EQ(KernelVersionText(""), "");
  EXPECT_EQ(KernelVersionText(std::string(0x210, 'x')), "");
  std::string far = BzImage("x");
  far[0x20f] = '\xff';
  EXPECT_EQ(KernelVersionText(far), "");
}

}  // namespace
}  // namespace inro::vmm
