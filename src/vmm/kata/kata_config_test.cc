#include "vmm/kata/kata_config.h"

#include <gtest/gtest.h>

#include "sys/file.h"

namespace inro::vmm {
namespace {

constexpr std::string_view kMain = R"([hypervisor.qemu]
path = "/opt/kata/bin/qemu-system-x86_64"
kernel = "/opt/kata/vmlinux"
image = "/opt/kata/kata.img"
kernel_params = "cgroup_no_v1=all"
default_vcpus = 1.5
default_memory = 0
shared_fs = "virtio-fs"

[agent.kata]
enable_debug = true
debug_console_enabled = true
)";

Result<KataConfig> Parse(std::string text, std::string_view hypervisor = "") {
  return ParseKataConfig({{"c.toml", std::move(text)}}, hypervisor);
}

TEST(KataConfig, ReadsWhatMattersToABoot) {
  const auto config = Parse(std::string(kMain));
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->hypervisor, "qemu");
  EXPECT_EQ(config->kernel, "/opt/kata/vmlinux");
  EXPECT_EQ(config->image, "/opt/kata/kata.img");
  EXPECT_EQ(config->initrd, "");
  EXPECT_EQ(config->rootfs_type, "ext4");
  EXPECT_EQ(config->kernel_params, "cgroup_no_v1=all");
  EXPECT_EQ(config->default_vcpus, 2);
  EXPECT_EQ(config->default_memory, 2048);
  EXPECT_TRUE(config->nvdimm());
  EXPECT_TRUE(config->agent_debug);
  EXPECT_TRUE(config->debug_console);
  EXPECT_FALSE(config->enable_debug);
}

TEST(KataConfig, OtherHypervisorsHaveNoNvdimm) {
  EXPECT_FALSE(Parse("[hypervisor.clh]\nkernel='/k'\nimage='/i'\n")->nvdimm());
}

TEST(KataConfig, ExtensionsAreTables) {
  const auto with = [](std::string_view list) {
    return Parse("[hypervisor.qemu]\nkernel='/k'\nimage='/i'\n" + std::string(list));
  };
  const auto config = with(
      "[[hypervisor.qemu.guest_extension_images]]\nname='a'\npath='/a'\nverity_params='x'\n"
      "[[hypervisor.qemu.guest_extension_images]]\nname='b'\npath='/b'\n");
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->extensions, (std::vector<KataExtension>{{"a", "/a", "x"}, {"b", "/b", ""}}));
  for (const char* bad : {"guest_extension_images = 1\n", "guest_extension_images = ['a']\n",
                          "guest_extension_images = [{name='a'}]\n",
                          "guest_extension_images = [{name='a', path=1}]\n"}) {
    const auto refused = with(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_NE(refused.error().ToString().find("c.toml:4: 'guest_extension_images'"),
              std::string::npos)
        << refused.error().ToString();
  }
}

TEST(KataConfig, DropInsCountLast) {
  const auto config = ParseKataConfig(
      {{"c.toml", std::string(kMain)},
       {"config.d/50.toml", "[hypervisor.qemu]\nimage = \"\"\ninitrd = \"/x.initrd\"\n"}});
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->image, "");
  EXPECT_EQ(config->initrd, "/x.initrd");
  EXPECT_EQ(config->kernel, "/opt/kata/vmlinux");
}

TEST(KataConfig, ReadsTheFolderOfDropInsInTheOrderOfNames) {
  auto dir = sys::TempDir::Create("inro-kata");
  ASSERT_TRUE(dir.has_value());
  const std::string path = dir->path() + "/configuration.toml";
  ASSERT_TRUE(sys::WriteFile(path, kMain).has_value());
  ASSERT_TRUE(sys::MakeDirectories(dir->path() + "/config.d").has_value());
  ASSERT_TRUE(
      sys::WriteFile(dir->path() + "/config.d/20.toml", "[hypervisor.qemu]\ndefault_memory = 512\n")
          .has_value());
  ASSERT_TRUE(sys::WriteFile(dir->path() + "/config.d/10.toml",
                             "[hypervisor.qemu]\ndefault_memory = 4096\n")
                  .has_value());
  ASSERT_TRUE(sys::WriteFile(dir->path() + "/config.d/README", "not TOML [").has_value());
  const auto config = ReadKataConfig(path);
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->default_memory, 512);
  EXPECT_EQ(ReadKataConfig(path, "", dir->path() + "/config.d/20.toml")->default_memory, 4096);
}

struct ErrorCase {
  const char* text;
  const char* error;
};

TEST(KataConfig, ErrorsNameFileAndLine) {
  const ErrorCase cases[] = {
      {"[runtime]\n", "c.toml: no [hypervisor.NAME] table: this is no Kata configuration"},
      {"[hypervisor.qemu]\nkernel='/k'\n",
       "c.toml:1: neither image nor initrd is set in [hypervisor.qemu]"},
      {"[hypervisor.qemu]\nkernel='/k'\nimage='/a'\n\ninitrd='/b'\n",
       "c.toml:5: image and initrd cannot both be set: /a and /b; set one of them to \"\""},
      {"[hypervisor.qemu]\nimage='/a'\n", "c.toml:1: no kernel is set in [hypervisor.qemu]"},
      {"[hypervisor.qemu]\nkernel=1\n", "c.toml:2: 'kernel' must be a text in quotes"},
      {"[hypervisor.qemu]\nenable_debug='yes'\n", "c.toml:2: 'enable_debug' must be true or false"},
      {"[hypervisor.qemu]\ndefault_vcpus='2'\n", "c.toml:2: 'default_vcpus' must be a number"},
      {"[hypervisor.qemu]\nkernel='/k'\nimage='/a'\ndefault_memory=64\n",
       "c.toml:1: default_memory = 64 MiB; 256 is the least that Kata takes"},
      {"[hypervisor.qemu]\nkernel='/k'\nimage='/a'\nrootfs_type='btrfs'\n",
       "c.toml:1: rootfs_type = \"btrfs\"; it is one of: ext4, xfs, erofs"},
      {"[hypervisor.clh]\n[hypervisor.qemu]\n",
       "c.toml:2: several hypervisors (clh, qemu): name the one to use"},
      {"hypervisor = 1\n", "c.toml: no [hypervisor.NAME] table: this is no Kata configuration"},
  };
  for (const ErrorCase& one : cases) {
    const auto config = Parse(one.text);
    ASSERT_FALSE(config.has_value()) << one.text;
    EXPECT_EQ(config.error().ToString(), one.error);
    EXPECT_EQ(ExitCode(config.error()), 2);
  }
  const auto broken = Parse("[hypervisor.qemu]\nkernel = \n");
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().line(), 2);
  EXPECT_EQ(Parse(std::string(kMain), "clh").error().ToString(),
            "c.toml: no [hypervisor.clh] table");
  EXPECT_EQ(ReadKataConfig("/nonexistent/c.toml").error().kind(), ErrorKind::kBadInput);
}

TEST(KataConfig, IsToldFromOtherToml) {
  EXPECT_TRUE(LooksLikeKataConfig(kMain));
  EXPECT_FALSE(LooksLikeKataConfig("[source]\nkind = 'apt'\n"));
  EXPECT_FALSE(LooksLikeKataConfig("hypervisor = 'qemu'\n"));
  EXPECT_FALSE(LooksLikeKataConfig("[["));
}

}  // namespace
}  // namespace inro::vmm
