#include "image/write/erofs.h"

#include <gtest/gtest.h>

#include "image/write/erofs_cluster.h"
#include "image/write/sample_tree.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

class ErofsTest : public testing::TestWithParam<ErofsOptions> {};

TEST_P(ErofsTest, EveryNodeComesBack) {
  const Tree tree = SampleTree();
  const auto image = WriteErofs(tree, GetParam());
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  EXPECT_EQ(image->size() % 4096, 0u);
  const auto back = ReadErofs(*image);
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  ExpectSameTree(*back, tree);
}

TEST_P(ErofsTest, FsckFindsNothing) {
  const auto image = WriteErofs(SampleTree(), GetParam());
  ASSERT_TRUE(image.has_value());
  const auto folder = sys::TempDir::Create("erofs");
  ASSERT_TRUE(folder.has_value());
  const std::string path = folder->path() + "/image";
  ASSERT_TRUE(sys::WriteFile(path, *image).has_value());
  const auto fsck = sys::Run({"fsck.erofs", "--extract", path});
  if (!fsck) GTEST_SKIP() << "fsck.erofs is missing";
  EXPECT_EQ(fsck->status, 0) << fsck->out << fsck->err;
}

TEST_P(ErofsTest, EqualInputGivesEqualBytes) {
  ErofsOptions one = GetParam();
  ErofsOptions many = GetParam();
  one.threads = 1;
  many.threads = 5;
  EXPECT_TRUE(WriteErofs(SampleTree(), one).value() == WriteErofs(SampleTree(), many).value());
}

std::string NameOf(const testing::TestParamInfo<ErofsOptions>& info) {
  return info.param.compress ? fmt::format("Cluster{}", info.param.cluster_bytes) : "Plain";
}

INSTANTIATE_TEST_SUITE_P(All, ErofsTest,
                         testing::Values(ErofsOptions{.epoch = 1, .compress = false},
                                         ErofsOptions{.epoch = 2, .cluster_bytes = 4096},
                                         ErofsOptions{.epoch = 3, .cluster_bytes = 16384},
                                         ErofsOptions{.epoch = 4, .cluster_bytes = 65536}),
                         NameOf);

TEST(Erofs, RefusesOptionsThatNoKernelMounts) {
  EXPECT_EQ(WriteErofs(Tree(), {.cluster_bytes = 5000}).error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(WriteErofs(Tree(), {.cluster_bytes = 2 << 20}).error().kind(), ErrorKind::kBadInput);
}

TEST(Erofs, CompressionPays) {
  const Tree tree = SampleTree();
  const std::size_t plain = WriteErofs(tree, {.compress = false}).value().size();
  EXPECT_LT(WriteErofs(tree).value().size(), plain / 4);
}

// A plain tail that begins in the block before the last: its end has to stand in the index, else
// the kernel (6.12) takes it for longer than a block can hold.
TEST(Erofs, APlainTailSaysWhereItEnds) {
  erofs::Extent head{0, 6000, true, std::string(4096, 'c')};
  erofs::Extent tail{6000, 3000, false, std::string(4096, 'p')};
  const std::string table = erofs::IndexTable({head, tail}, 9000, 7);
  ASSERT_EQ(table.size(), 3u * 8);
  const auto number = [&](std::size_t at) {
    return static_cast<unsigned char>(table[at]) + 256 * static_cast<unsigned char>(table[at + 1]);
  };
  EXPECT_EQ(number(8), 0) << "block 1: plain";
  EXPECT_EQ(number(10), 6000 - 4096);
  EXPECT_EQ(number(16), 0) << "block 2: plain too, at the end of the file";
  EXPECT_EQ(number(18), 9000 - 8192);
  EXPECT_EQ(number(20), 0);
}

TEST(Erofs, ReaderRefusesCutOffImages) {
  const std::string image = WriteErofs(SampleTree()).value();
  EXPECT_FALSE(ReadErofs(image.substr(0, image.size() / 2)).has_value());
  EXPECT_FALSE(ReadErofs(image.substr(0, 1100)).has_value());
  EXPECT_FALSE(ReadErofs("").has_value());
  EXPECT_FALSE(ReadErofs(image, 1000).has_value());
}

}  // namespace
}  // namespace inro::image
