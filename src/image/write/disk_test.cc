#include "image/write/disk.h"

#include <gtest/gtest.h>

#include "image/tree/digest.h"
#include "image/write/erofs.h"
#include "image/write/ext4.h"
#include "image/write/little_endian.h"
#include "image/write/sample_tree.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

using namespace std::string_literals;

constexpr std::size_t kMiB = 1 << 20;
const std::string kUuid = "0123456789abcdef";

TEST(DiskHeader, EveryByteIsAtItsPlace) {
  const std::string header = DiskHeader(64 * kMiB, kUuid);
  ASSERT_EQ(header.size(), 3 * kMiB);
  // MBR 1: a Linux partition from 3 MiB to the end.
  EXPECT_EQ(header.substr(440, 4), "0123");
  EXPECT_EQ(header.substr(446, 16), "\0\xfe\xff\xff\x83\xfe\xff\xff\0\x18\0\0\0\xe8\x01\0"s);
  EXPECT_EQ(header.substr(510, 2), "\x55\xaa");
  // nd_pfn_sb.
  const std::string pfn = header.substr(4096, 4096);
  EXPECT_EQ(pfn.substr(0, 16), "NVDIMM_PFN_INFO\0"s);
  EXPECT_EQ(pfn.substr(16, 16), kUuid);
  EXPECT_EQ(pfn.substr(32, 16), std::string(16, '\0')) << "parent_uuid";
  EXPECT_EQ(GetLe(pfn, 48, 4), 0u) << "flags";
  EXPECT_EQ(GetLe(pfn, 52, 2), 0u) << "version_major";
  EXPECT_EQ(GetLe(pfn, 54, 2), 2u) << "version_minor";
  EXPECT_EQ(GetLe(pfn, 56, 8), 2 * kMiB) << "dataoff";
  EXPECT_EQ(GetLe(pfn, 64, 8), 0u) << "npfns";
  EXPECT_EQ(GetLe(pfn, 72, 4), 1u) << "mode";
  EXPECT_EQ(GetLe(pfn, 76, 4), 0u) << "start_pad";
  EXPECT_EQ(GetLe(pfn, 80, 4), 0u) << "end_trunc";
  EXPECT_EQ(GetLe(pfn, 84, 4), 2 * kMiB) << "align";
  EXPECT_EQ(pfn.substr(88, 4000), std::string(4000, '\0')) << "padding";
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  for (std::size_t at = 0; at < 4088; at += 4) {
    low += static_cast<std::uint32_t>(GetLe(pfn, at, 4));
    high += low;
  }
  high += low + low;  // the two zero words of the checksum's own place
  EXPECT_EQ(GetLe(pfn, 4088, 4), low);
  EXPECT_EQ(GetLe(pfn, 4092, 4), high);
  // MBR 2: the same partition, 1 MiB further.
  EXPECT_EQ(header.substr(2 * kMiB + 446, 16),
            "\0\xfe\xff\xff\x83\xfe\xff\xff\0\x08\0\0\0\xe8\x01\0"s);
  EXPECT_EQ(header.substr(2 * kMiB + 510, 2), "\x55\xaa");
  // Nothing else.
  std::string rest = header;
  rest.replace(440, 72, std::string(72, '\0'));
  rest.replace(4096, 4096, std::string(4096, '\0'));
  rest.replace(2 * kMiB + 440, 72, std::string(72, '\0'));
  EXPECT_EQ(rest, std::string(3 * kMiB, '\0'));
}

TEST(DiskHeader, RootIsFoundByEitherTable) {
  std::string header = DiskHeader(64 * kMiB, kUuid);
  EXPECT_TRUE(HasDaxHeader(header));
  EXPECT_EQ(FindRoot(header, 64 * kMiB)->offset, 3 * kMiB);
  EXPECT_EQ(FindRoot(header, 64 * kMiB)->size, 61 * kMiB);
  header[510] = 0;
  EXPECT_EQ(FindRoot(header, 64 * kMiB)->offset, 3 * kMiB);
  EXPECT_FALSE(FindRoot(header, 63 * kMiB).has_value()) << "the partition ends outside";
  header[4096 + 20] ^= 1;
  EXPECT_FALSE(HasDaxHeader(header));
  EXPECT_FALSE(FindRoot(header, 64 * kMiB).has_value()) << "the DAX header is not valid";
  EXPECT_FALSE(FindRoot("", 0).has_value());
}

class Disk : public testing::TestWithParam<RootFormat> {
 protected:
  void SetUp() override {
    auto made = sys::TempDir::Create("disk");
    ASSERT_TRUE(made.has_value());
    folder_ = std::make_unique<sys::TempDir>(std::move(*made));
    path_ = folder_->path() + "/image";
  }
  std::unique_ptr<sys::TempDir> folder_;
  std::string path_;
};

TEST_P(Disk, RootComesBackAndBytesRepeat) {
  const Tree tree = SampleTree();
  const DiskOptions options{.format = GetParam(), .epoch = 7};
  const auto info = WriteDisk(tree, path_, options);
  ASSERT_TRUE(info.has_value()) << info.error().ToString();
  EXPECT_EQ(info->size % (2 * kMiB), 0u);
  ASSERT_TRUE(WriteDisk(tree, path_ + "2", options).has_value());
  const std::string bytes = sys::ReadFile(path_).value();
  EXPECT_EQ(bytes.size(), info->size);
  EXPECT_TRUE(bytes == sys::ReadFile(path_ + "2").value());
  const auto root = FindRoot(bytes, bytes.size());
  ASSERT_TRUE(root.has_value());
  const auto back = GetParam() == RootFormat::kExt4
                        ? ReadExt4(path_, root->offset)
                        : ReadErofs(std::string_view(bytes).substr(root->offset));
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  ExpectSameTree(*back, tree);
}

TEST_P(Disk, SfdiskSeesThePartition) {
  ASSERT_TRUE(WriteDisk(SampleTree(), path_, {.format = GetParam(), .align = 128 * kMiB}));
  const auto dump = sys::Run({"sfdisk", "-d", path_});
  if (!dump) GTEST_SKIP() << "sfdisk is missing";
  EXPECT_THAT(dump->out, testing::HasSubstr("label: dos"));
  EXPECT_THAT(dump->out, testing::HasSubstr("start=        6144, size=      256000, type=83"));
  ASSERT_TRUE(sys::WriteFile(path_ + "2", sys::ReadFile(path_)->substr(2 * kMiB)).has_value());
  const auto second = sys::Run({"sfdisk", "-d", path_ + "2"});
  EXPECT_THAT(second->out, testing::HasSubstr("start=        2048, size=      256000, type=83"));
}

INSTANTIATE_TEST_SUITE_P(All, Disk, testing::Values(RootFormat::kExt4, RootFormat::kErofs),
                         [](const auto& row) { return std::string(RootFormatName(row.param)); });

TEST(DiskOptions, RefusesWhatNoKernelMaps) {
  EXPECT_EQ(WriteDisk(Tree(), "never-written", {.align = 1 << 20}).error().kind(),
            ErrorKind::kBadInput);
  EXPECT_EQ(ParseRootFormat("xfs").error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(ParseRootFormat("erofs").value(), RootFormat::kErofs);
}

}  // namespace
}  // namespace inro::image
