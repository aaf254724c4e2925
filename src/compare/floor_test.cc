#include "compare/floor.h"

#include <gtest/gtest.h>

#include "image/write/cpio.h"

namespace inro::compare {
namespace {

constexpr std::string_view kDep =
    "kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko\n"
    "kernel/lib/libcrc32c.ko:\n"
    "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/virtio/virtio.ko:\n"
    "kernel/net/vmw_vsock/vmw_vsock_virtio_transport.ko: kernel/net/vmw_vsock/vsock.ko "
    "kernel/drivers/virtio/virtio.ko\n"
    "kernel/net/vmw_vsock/vsock.ko:\n";

TEST(Floor, TakesOnlyWhatVsockNeedsInTheListsOrder) {
  const std::vector<std::string> early = {"/m/virtio.ko",     "/m/libcrc32c.ko",
                                          "/m/erofs.ko",      "/m/vsock.ko",
                                          "/m/virtio-pci.ko", "/m/vmw_vsock_virtio_transport.ko"};
  const std::vector<std::string> expected = {"/m/virtio.ko", "/m/vsock.ko", "/m/virtio-pci.ko",
                                             "/m/vmw_vsock_virtio_transport.ko"};
  EXPECT_EQ(NeededModules(early, kDep, {"vmw_vsock_virtio_transport", "virtio_pci"}), expected);
}

TEST(Floor, InitrdHoldsProgramAndModules) {
  image::Tree guest;
  ASSERT_TRUE(
      guest.Put("usr/lib/modules/6.1/modules.dep", image::MakeFile(std::string(kDep))).has_value());
  ASSERT_TRUE(guest.Put("usr/lib/modules/6.1/vsock.ko", image::MakeFile("module")).has_value());
  ASSERT_TRUE(
      guest.Put("usr/lib/inro/modules-early", image::MakeFile("/usr/lib/modules/6.1/vsock.ko\n"))
          .has_value());
  const auto cpio = MakeFloorInitrd(guest, "program");
  ASSERT_TRUE(cpio.has_value()) << cpio.error().ToString();
  const auto tree = image::ReadCpio(*cpio);
  ASSERT_TRUE(tree.has_value());
  EXPECT_EQ(tree->ReadFile("init").value(), "program");
  EXPECT_EQ(tree->ReadFile("modules-early").value(), "/modules/vsock.ko\n");
  EXPECT_EQ(tree->ReadFile("modules/vsock.ko").value(), "module");
}

TEST(Floor, KernelWithEverythingBuiltInNeedsNoModules) {
  const auto cpio = MakeFloorInitrd(image::Tree(), "program");
  ASSERT_TRUE(cpio.has_value()) << cpio.error().ToString();
  EXPECT_FALSE(image::ReadCpio(*cpio)->Contains("modules-early"));
}

}  // namespace
}  // namespace inro::compare
