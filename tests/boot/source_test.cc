// Guests from other sources than images/debian's: a tar archive, a folder, an OCI image layout, a
// second suite of Debian.
#include <gmock/gmock.h>
#include <unistd.h>

#include "guest_run.h"
#include "image/write/artifact.h"
#include "oci_layout.h"
#include "sys/file.h"
#include "sys/subprocess.h"
#include "tree_tar.h"

namespace inro::boot_test {
namespace {

using ::testing::HasSubstr;

class Source : public BootTest {};

// What a root file system of somebody else does not have.
bool NotOfInro(std::string_view path) {
  for (const std::string_view own :
       {"usr/lib/inro", "usr/bin/inro-guest", "usr/bin/kata-agent", "usr/lib/modules", "sbin/init",
        "usr/sbin/init", "usr/lib/systemd/system/kata-agent.service",
        "usr/lib/systemd/system/inro-control.service",
        "usr/lib/systemd/system/kata-containers.target"}) {
    if (path == own || (path.starts_with(own) && path[own.size()] == '/')) return false;
  }
  return !path.starts_with("etc/systemd/system/");
}

// The tree of images/debian, with what inro put into it.
Result<image::Tree> DebianTree() {
  INRO_ASSIGN(const GuestBuild debian, BuildOnce(DebianSpec()));
  INRO_ASSIGN(const std::string path, debian.Path(kInitrdInro));
  INRO_ASSIGN(image::OpenedArtifact opened, image::OpenArtifact(path));
  return std::move(opened.tree);
}

// A new folder NAME of the boot tests, where a definition of this name lies.
Result<std::string> DefinitionFolder(const std::string& name) {
  const std::string folder = INRO_BINARY_DIR "/boot-tests/" + name;
  INRO_TRY(sys::MakeDirectories(folder));
  return folder;
}

// The tree of images/debian, without what inro put into it, as DIR/rootfs.tar.
Result<std::string> MakeRootTar(const std::string& name) {
  INRO_ASSIGN(const image::Tree tree, DebianTree());
  INRO_ASSIGN(const std::string folder, DefinitionFolder(name));
  INRO_TRY(WriteTar(tree, folder + "/rootfs.tar", NotOfInro));
  return folder + "/rootfs.tar";
}

constexpr std::string_view kGone = "etc/of-the-lower-layer";
constexpr std::string_view kReplaced = "etc/of-both-layers";

// The same as the lower layer of two, with two files more; the upper one hides the first and
// replaces the second. Gives the folder, with layout/.
Result<std::string> MakeLayout(const std::string& name) {
  INRO_ASSIGN(image::Tree lower, DebianTree());
  INRO_TRY(lower.Put(kGone, image::MakeFile("lower\n")));
  INRO_TRY(lower.Put(kReplaced, image::MakeFile("lower\n")));
  image::Tree upper;
  INRO_TRY(upper.Put("etc/.wh.of-the-lower-layer", image::MakeFile("")));
  INRO_TRY(upper.Put(kReplaced, image::MakeFile("upper\n")));
  INRO_ASSIGN(const std::string folder, DefinitionFolder(name));
  INRO_TRY(WriteTar(lower, folder + "/lower.tar", NotOfInro));
  INRO_TRY(WriteTar(upper, folder + "/upper.tar", NotOfInro));
  INRO_TRY(WriteOciLayout(folder + "/layout", {folder + "/lower.tar", folder + "/upper.tar"}));
  return folder;
}

// The text of a definition of a source that exists, with a service that says on the console what
// became of the two files.
std::string Definition(std::string_view kind, std::string_view path) {
  return fmt::format(
      "[source]\nkind = \"{}\"\nsuite = \"bookworm\"\npath = \"{}\"\n\n"
      "[services]\nenable = [\"chrony.service\", \"layers.service\"]\n\n"
      "[[files]]\n"
      "path = \"/usr/lib/systemd/system/layers.service\"\n"
      "content = '''\n"
      "[Unit]\n"
      "Description=Says what the layers left\n"
      "[Service]\n"
      "Type=oneshot\n"
      "RemainAfterExit=yes\n"
      "ExecStart=/usr/bin/layers\n"
      "[Install]\n"
      "WantedBy=kata-containers.target\n"
      "'''\n"
      "[[files]]\n"
      "path = \"/usr/bin/layers\"\n"
      "mode = \"0755\"\n"
      "content = '''\n"
      "#!/bin/sh\n"
      "exec >/dev/console 2>&1\n"
      "if [ -e /{} ]; then echo 'layers: hidden file is there'; else echo 'layers: none hidden'; "
      "fi\n"
      "if read -r text </{}; then echo \"layers: $text file\"; fi\n"
      "'''\n",
      kind, path, kGone, kReplaced);
}

TEST_F(Source, TarBootsAndEnds) {
  const auto tar = MakeRootTar("tar-source");
  if (!tar && NoMirror(tar.error())) GTEST_SKIP() << tar.error().ToString();
  ASSERT_TRUE(tar) << tar.error().ToString();
  const GuestSpec spec{"tar-source",
                       "[source]\nkind = \"tar\"\nsuite = \"bookworm\"\npath = \"rootfs.tar\"\n\n"
                       "[services]\nenable = [\"chrony.service\"]\n",
                       {kInitrdInro}};
  INRO_BOOT(spec, kInitrdInro);
  ExpectHealthy();
  ExpectFindings({"agent", "mounts", "distro", "iptables", "chrony"});
  ExpectPowerOff();
}

TEST_F(Source, OciImageLayoutBootsAndEnds) {
  const auto folder = MakeLayout("oci-source");
  if (!folder && NoMirror(folder.error())) GTEST_SKIP() << folder.error().ToString();
  ASSERT_TRUE(folder) << folder.error().ToString();
  const GuestSpec spec{"oci-source", Definition("oci", "layout"), {kInitrdInro}};
  INRO_BOOT(spec, kInitrdInro);
  ExpectHealthy();
  ExpectFindings({"agent", "mounts", "distro", "iptables", "chrony"});
  EXPECT_THAT(run_->Console(), HasSubstr("layers: none hidden"));
  EXPECT_THAT(run_->Console(), HasSubstr("layers: upper file"));
  ExpectPowerOff();
}

TEST_F(Source, DirectoryBootsAndEnds) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make a folder with the owners of a root";
  const auto tar = MakeRootTar("directory-source");
  if (!tar && NoMirror(tar.error())) GTEST_SKIP() << tar.error().ToString();
  ASSERT_TRUE(tar) << tar.error().ToString();
  const std::string root = tar->substr(0, tar->rfind('/')) + "/root";
  ASSERT_TRUE(sys::RemoveAll(root));
  ASSERT_TRUE(sys::MakeDirectories(root));
  const auto unpacked = sys::RunOrFail(
      {"tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf", *tar, "-C", root});
  ASSERT_TRUE(unpacked) << unpacked.error().ToString();
  ASSERT_TRUE(sys::WriteFile(root + "/" + std::string(kReplaced), "folder's\n"));
  const GuestSpec spec{"directory-source", Definition("directory", "root"), {kInitrdInro}};
  INRO_BOOT(spec, kInitrdInro);
  ExpectHealthy();
  ExpectFindings({"agent", "mounts", "distro", "iptables", "chrony"});
  EXPECT_THAT(run_->Console(), HasSubstr("layers: folder's file"));
  ExpectPowerOff();
}

TEST_F(Source, TrixieBootsAndEnds) {
  const GuestSpec spec{"trixie", "", {kInitrdInro}};
  INRO_BOOT(spec, kInitrdInro);
  ExpectHealthy();
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_THAT(state->os_release, HasSubstr("VERSION_CODENAME=trixie"));
  ExpectFindings({"agent", "mounts", "distro", "iptables", "chrony"});
  ExpectPowerOff();
}

}  // namespace
}  // namespace inro::boot_test
