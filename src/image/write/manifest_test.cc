#include "image/write/manifest.h"

#include <gtest/gtest.h>

#include "image/write/sample_tree.h"

namespace inro::image {
namespace {

Manifest Sample() {
  Manifest manifest;
  manifest.name = "debian";
  manifest.inro_version = "0.1.0";
  manifest.source = "apt bookworm";
  manifest.kernel_release = "6.1.0-1-cloud-amd64";
  manifest.artifacts.push_back(
      {"initrd",
       "debian.initrd",
       "nested",
       "none",
       "inro",
       1024,
       std::string(64, 'a'),
       {{"initrd"}, "", "", {"console=hvc0"}, {{"initrd", "debian.initrd"}}}});
  manifest.artifacts.push_back({"image",
                                "debian.img",
                                "disk/ext4",
                                "",
                                "systemd",
                                4096,
                                std::string(64, 'b'),
                                {{"nvdimm", "nvme"}, "/dev/pmem0p1", "ext4", {}, {}}});
  ManifestTree& carried = manifest.trees.emplace_back();
  carried.init = "inro";
  carried.digest = std::string(64, 'c');
  carried.packages.push_back({"chrony", "4.3-2+deb12u1", "amd64", ""});
  Tree tree;
  EXPECT_TRUE(tree.Put("bin/su", MakeFile("abc", 04755, "login 1.0")).has_value());
  EXPECT_TRUE(tree.Put("dev/console", MakeDevice(NodeType::kCharDevice, 5, 1, 0600)).has_value());
  EXPECT_TRUE(tree.Put("sbin", MakeSymlink("bin")).has_value());
  carried.files = ManifestFiles(tree);
  carried.scripts_not_run = {"postinst of x"};
  return manifest;
}

TEST(Manifest, IsThisDocument) {
  Manifest manifest = Sample();
  manifest.artifacts.pop_back();
  EXPECT_EQ(WriteManifest(manifest), R"({
  "schema": "inro-manifest/1",
  "name": "debian",
  "inro_version": "0.1.0",
  "source": "apt bookworm",
  "kernel_release": "6.1.0-1-cloud-amd64",
  "artifacts": [
    {
      "form": "initrd",
      "path": "debian.initrd",
      "format": "nested",
      "compression": "none",
      "init": "inro",
      "size": 1024,
      "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "boot": {
        "attach": [
          "initrd"
        ],
        "cmdline": [
          "console=hvc0"
        ],
        "kata": {
          "initrd": "debian.initrd"
        }
      }
    }
  ],
  "trees": [
    {
      "init": "inro",
      "digest": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
      "scripts_not_run": [
        "postinst of x"
      ],
      "directives_not_enforced": [],
      "packages": [
        {"name":"chrony","version":"4.3-2+deb12u1","architecture":"amd64"}
      ],
      "files": [
        {"path":"/","type":"directory","mode":"0755","uid":0,"gid":0},
        {"path":"/bin","type":"directory","mode":"0755","uid":0,"gid":0},
        {"path":"/bin/su","type":"file","mode":"4755","uid":0,"gid":0,"size":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","origin":"login 1.0"},
        {"path":"/dev","type":"directory","mode":"0755","uid":0,"gid":0},
        {"path":"/dev/console","type":"char","mode":"0600","uid":0,"gid":0,"major":5,"minor":1},
        {"path":"/sbin","type":"symlink","mode":"0777","uid":0,"gid":0,"target":"bin"}
      ]
    }
  ]
}
)");
}

TEST(Manifest, ComesBack) {
  const std::string text = WriteManifest(Sample());
  const auto back = ParseManifest(text, "x.manifest.json");
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  EXPECT_EQ(WriteManifest(*back), text);
  ASSERT_NE(back->Artifact("image"), nullptr);
  EXPECT_EQ(back->Artifact("image")->boot.attach[1], "nvme");
  EXPECT_EQ(back->Artifact("kernel"), nullptr);
  EXPECT_EQ(back->TreeOf("systemd"), nullptr);
  EXPECT_EQ(back->TreeOf("inro")->files[2].mode, 04755u);
}

TEST(Manifest, RefusesWhatIsNotExactlyOne) {
  const std::string good = WriteManifest(Sample());
  const auto broken = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    const auto parsed = ParseManifest(text, "x.manifest.json");
    EXPECT_FALSE(parsed.has_value()) << from << " -> " << to;
    if (parsed) return std::string();
    EXPECT_EQ(parsed.error().kind(), ErrorKind::kBadInput);
    return parsed.error().ToString();
  };
  EXPECT_THAT(broken("manifest/1", "manifest/9"), testing::HasSubstr("schema"));
  EXPECT_THAT(broken("\"source\"", "\"sauce\""), testing::HasSubstr("source is missing"));
  EXPECT_THAT(broken("\"init\": \"inro\",", "\"init\": \"inro\", \"extra\": 1,"),
              testing::HasSubstr("artifacts[0].extra is not a key"));
  EXPECT_THAT(broken("\"size\": 1024", "\"size\": -1"),
              testing::HasSubstr("artifacts[0].size is not a whole number"));
  EXPECT_THAT(broken("\"uid\":0", "\"uid\":4294967296"),
              testing::HasSubstr("trees[0].files[0].uid"));
  EXPECT_THAT(broken("\"4755\"", "\"4955\""), testing::HasSubstr("mode"));
  EXPECT_THAT(broken("\"debian.initrd\"", "\"../debian.initrd\""), testing::HasSubstr("leaves"));
  EXPECT_THAT(broken("\"debian.initrd\"", "\"/debian.initrd\""), testing::HasSubstr("leaves"));
  EXPECT_THAT(broken("{", ""), testing::HasSubstr("not a manifest"));
}

}  // namespace
}  // namespace inro::image
