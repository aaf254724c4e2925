#include "image/build/guest_files.h"

#include <gtest/gtest.h>

namespace inro::image {
namespace {

std::string Target(const Tree& tree, std::string_view path) {
  const Node* node = tree.Find(path);
  return node == nullptr ? "" : node->target;
}

// Package systemd may be there for one of its services: its systemctl would wait for systemd.
TEST(GuestFiles, SystemctlIsTheRoleUnderInro) {
  for (const std::string_view init : {"inro", "systemd"}) {
    Tree tree;
    ASSERT_TRUE(tree.Put("usr/bin/systemctl", MakeFile("systemd's", 0755)));
    ASSERT_TRUE(tree.Put("usr/sbin/reboot", MakeSymlink("/bin/systemctl")));
    ASSERT_TRUE(tree.Put("usr/sbin/halt", MakeSymlink("/bin/busybox")));
    ASSERT_TRUE(AddGuestFiles(Definition(), init, "program", tree));
    if (init == "inro") {
      EXPECT_EQ(Target(tree, "usr/bin/systemctl"), "inro-guest");
      EXPECT_EQ(Target(tree, "usr/sbin/reboot"), "../bin/inro-guest");
      EXPECT_EQ(Target(tree, "usr/sbin/poweroff"), "../bin/inro-guest");
    } else {
      EXPECT_EQ(*tree.ReadFile("usr/bin/systemctl"), "systemd's");
      EXPECT_EQ(Target(tree, "usr/sbin/reboot"), "/bin/systemctl");
      EXPECT_EQ(tree.Find("usr/sbin/poweroff"), nullptr);
    }
    EXPECT_EQ(Target(tree, "usr/sbin/halt"), "/bin/busybox");
  }
}

}  // namespace
}  // namespace inro::image
