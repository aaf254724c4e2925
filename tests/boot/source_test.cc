// Guests from other sources than images/debian's: a tar archive, a second suite of Debian.
#include <gmock/gmock.h>

#include "guest_run.h"
#include "image/write/artifact.h"
#include "sys/file.h"
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

// The tree of images/debian, without what inro put into it, as DIR/rootfs.tar.
Result<std::string> MakeRootTar() {
  INRO_ASSIGN(const GuestBuild debian, BuildOnce(DebianSpec()));
  INRO_ASSIGN(const std::string path, debian.Path(kInitrdInro));
  INRO_ASSIGN(const image::OpenedArtifact opened, image::OpenArtifact(path));
  const std::string folder = INRO_BINARY_DIR "/boot-tests/tar-source";
  INRO_TRY(sys::MakeDirectories(folder));
  INRO_TRY(WriteTar(opened.tree, folder + "/rootfs.tar", NotOfInro));
  return folder + "/rootfs.tar";
}

TEST_F(Source, TarBootsAndEnds) {
  const auto tar = MakeRootTar();
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
