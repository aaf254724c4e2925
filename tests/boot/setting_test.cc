// Settings of a definition that change how a guest boots: a foreign init, a read-only root, a flat
// initrd.
#include <gmock/gmock.h>

#include "guest_run.h"

namespace inro::boot_test {
namespace {

using ::testing::HasSubstr;

class Setting : public BootTest {};

// The user's own PID 1: a shell script that says what it found and powers the machine off.
TEST_F(Setting, ForeignInitBecomesProcessOne) {
  const image::Variant foreign{image::Form::kInitrd, "/usr/sbin/own-init"};
  const GuestSpec spec = DebianWith("foreign-init", "",
                                    "[[files]]\n"
                                    "path = \"/usr/sbin/own-init\"\n"
                                    "mode = \"0755\"\n"
                                    "content = '''\n"
                                    "#!/bin/sh\n"
                                    "exec >/dev/console 2>&1\n"
                                    "echo \"own-init: process $$\"\n"
                                    ">/usr/written && echo 'own-init: the root is writable'\n"
                                    "echo o >/proc/sysrq-trigger\n"
                                    "while :; do read -r line </dev/console; done\n"
                                    "'''\n",
                                    {foreign});
  Start(spec, foreign);
  if (HasFatalFailure() || IsSkipped()) return;
  const auto exit = run_->WaitExit(kReadyLimit);
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->status, 0) << exit->ToString();
  EXPECT_THAT(run_->Console(), HasSubstr("own-init: process 1"));
  EXPECT_THAT(run_->Console(), HasSubstr("own-init: the root is writable"));
}

class ReadOnlyRoot : public BootTest, public ::testing::WithParamInterface<image::Variant> {};

// A service that tries to write says on the console what came of it.
TEST_P(ReadOnlyRoot, RefusesWritesAndServesAll) {
  const GuestSpec spec = DebianWith(
      "read-only", "overlay = false\n",
      "[[files]]\n"
      "path = \"/usr/lib/systemd/system/try-write.service\"\n"
      "content = '''\n"
      "[Unit]\n"
      "Description=Tries to write to the root\n"
      "[Service]\n"
      "Type=oneshot\n"
      "RemainAfterExit=yes\n"
      "ExecStart=/bin/sh -c 'if >/usr/written; then echo root: writable; else echo root: "
      "read-only; fi >/dev/console 2>/dev/null'\n"
      "[Install]\n"
      "WantedBy=kata-containers.target\n"
      "'''\n",
      {kInitrdInro, kImageSystemd});
  GuestSpec enabled = spec;
  const std::string list = "enable = [\"chrony.service\"";
  const auto at = enabled.text.find(list);
  ASSERT_NE(at, std::string::npos) << enabled.text;
  enabled.text.insert(at + list.size(), ", \"try-write.service\"");
  INRO_BOOT(enabled, GetParam());
  ExpectHealthy();
  EXPECT_THAT(run_->Console(), HasSubstr("root: read-only"));
  ExpectFindings({"agent", "mounts", "distro", "iptables", "chrony"});
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Setting, ReadOnlyRoot, ::testing::Values(kInitrdInro, kImageSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

TEST_F(Setting, FlatCompressedInitrdBootsAndEnds) {
  const GuestSpec spec = DebianWith("flat", "", "", {kInitrdInro});
  GuestSpec flat = spec;
  const std::string section = "[initrd]\n";
  const auto at = flat.text.find(section);
  ASSERT_NE(at, std::string::npos) << flat.text;
  flat.text.insert(at + section.size(), "layout = \"flat\"\ncompression = \"zstd\"\n");
  INRO_BOOT(flat, kInitrdInro);
  ExpectHealthy();
  ExpectFindings({"agent", "mounts", "distro", "iptables", "chrony"});
  ExpectPowerOff();
}

}  // namespace
}  // namespace inro::boot_test
