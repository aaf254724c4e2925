#include <gtest/gtest.h>

#include "image/extension/extension_image.h"
#include "image/extension/verity_tree.h"
#include "image/write/erofs.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

constexpr std::size_t kMiB = 1 << 20;

std::string Noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

Tree SampleTree(std::size_t size) {
  Tree tree;
  EXPECT_TRUE(tree.Put("etc/hello", MakeFile("hello\n")));
  EXPECT_TRUE(tree.Put("usr/bin/tool", MakeFile(Noise(size), 0755)));
  return tree;
}

bool HasVeritysetup() {
  const auto run = sys::Run({"veritysetup", "--version"});
  return run && run->status == 0;
}

// What veritysetup(8) says of data and tree.
class Verity : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-verity");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
  }
  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }
  std::optional<sys::TempDir> folder_;
};

struct Shape {
  std::size_t blocks;
  std::uint32_t data_block;
  std::uint32_t hash_block;
};

TEST_F(Verity, TheTreeIsVeritysetups) {
  if (!HasVeritysetup()) GTEST_SKIP() << "veritysetup is not installed";
  // No tree, one level, a full level, two and three levels, other sizes of blocks.
  for (const Shape& shape : {Shape{1, 4096, 4096},
                             {2, 4096, 4096},
                             {128, 4096, 4096},
                             {129, 4096, 4096},
                             {300, 1024, 512},
                             {40, 512, 4096}}) {
    SCOPED_TRACE(fmt::format("{} blocks of {}", shape.blocks, shape.data_block));
    const std::string data = Noise(shape.blocks * shape.data_block);
    const std::string salt = Noise(32);
    const auto tree = MakeVerityTree(data, salt, shape.data_block, shape.hash_block);
    ASSERT_TRUE(tree) << tree.error().ToString();
    ASSERT_TRUE(sys::WriteFile(Path("data"), data));
    static_cast<void>(sys::RemoveAll(Path("hash")));
    const auto formatted = sys::Run(
        {"veritysetup", "format", "--no-superblock", "--salt=" + tree->parameters.salt,
         fmt::format("--data-block-size={}", shape.data_block),
         fmt::format("--hash-block-size={}", shape.hash_block), Path("data"), Path("hash")});
    ASSERT_TRUE(formatted);
    ASSERT_EQ(formatted->status, 0) << formatted->err;
    EXPECT_NE(formatted->out.find(tree->parameters.root_hash), std::string::npos)
        << formatted->out << tree->parameters.root_hash;
    EXPECT_EQ(sys::ReadFile(Path("hash")).value_or("?"), tree->blocks);
    EXPECT_TRUE(VerifyTree(data, tree->blocks, tree->parameters));
  }
}

TEST_F(Verity, AnImageIsVerifiedByVeritysetup) {
  if (!HasVeritysetup()) GTEST_SKIP() << "veritysetup is not installed";
  const auto image = MakeExtensionImage("tools", SampleTree(900'000));
  ASSERT_TRUE(image) << image.error().ToString();
  const auto words = protocol::ExtensionWords(image->parameter);
  ASSERT_EQ(words.size(), 1u);
  const auto p = protocol::ParseVerityParameters(words[0].value);
  ASSERT_TRUE(p) << p.error().ToString();
  const std::string hash = image->bytes.substr((kMiB + p->data_bytes() + kMiB - 1) / kMiB * kMiB);
  std::string data = image->bytes.substr(kMiB, p->data_bytes());
  const auto verify = [&] {
    EXPECT_TRUE(sys::WriteFile(Path("data"), data));
    EXPECT_TRUE(sys::WriteFile(Path("hash"), hash));
    const auto run = sys::Run({"veritysetup", "verify", "--no-superblock", "--salt=" + p->salt,
                               fmt::format("--data-blocks={}", p->data_blocks), Path("data"),
                               Path("hash"), p->root_hash});
    return run ? run->status : -1;
  };
  EXPECT_EQ(verify(), 0);
  EXPECT_TRUE(VerifyTree(data, hash, *p));
  data[data.size() / 2] ^= 1;
  EXPECT_NE(verify(), 0);
  EXPECT_FALSE(VerifyTree(data, hash, *p));
}

std::uint64_t Le32(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

TEST(ExtensionImage, HasItsTreeInPartitionOneAndHashesInPartitionTwo) {
  const Tree tree = SampleTree(50'000);
  const auto image = MakeExtensionImage("tools", tree);
  ASSERT_TRUE(image) << image.error().ToString();
  const std::string& bytes = image->bytes;
  EXPECT_EQ(bytes.substr(510, 2), "\x55\xaa");
  EXPECT_EQ(Le32(bytes, 446 + 8) * 512, kMiB);
  const std::uint64_t size = Le32(bytes, 446 + 12) * 512;
  const auto read = ReadErofs(std::string_view(bytes).substr(kMiB, size));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->Digest(), tree.Digest());
  EXPECT_EQ(Le32(bytes, 462 + 8) * 512, 2 * kMiB);
  EXPECT_GT(Le32(bytes, 462 + 12), 0u);
  const auto again = MakeExtensionImage("tools", SampleTree(50'000));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->bytes, bytes);
  EXPECT_EQ(again->parameter, image->parameter);
}

TEST(ExtensionImage, AnUnmeasuredOneHasOnePartitionAndABareParameter) {
  const auto image = MakeExtensionImage("raw", SampleTree(10), {.measured = false});
  ASSERT_TRUE(image);
  EXPECT_EQ(image->parameter, "kata.extension.raw.verity_params");
  EXPECT_EQ(Le32(image->bytes, 462 + 12), 0u);
}

TEST(ExtensionImage, NamesFitTheSerial) {
  EXPECT_TRUE(CheckExtensionName("coco"));
  for (const char* name : {"", "elevenchars", "a b", "a/b", ".."}) {
    const auto checked = CheckExtensionName(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().kind(), ErrorKind::kBadInput);
  }
}

TEST_F(Verity, TheParameterIsKeptBesideTheImage) {
  EXPECT_FALSE(FindExtensionFile(Path("tools.img")));
  ASSERT_TRUE(sys::WriteFile(Path("tools.img"), "x"));
  const auto alone = FindExtensionFile(Path("tools.img"));
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().ToString().find("tools.cmdline"), std::string::npos);
  ASSERT_TRUE(sys::WriteFile(Path("tools.cmdline"), "kata.extension.t.verity_params\n"));
  const auto found = FindExtensionFile(Path("tools.img"));
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_EQ(found->name, "t");
  for (const char* bad : {"", "quiet", "kata.extension.t.verity_params=root_hash=1",
                          "kata.extension.t.verity_params init=/bin/sh"}) {
    ASSERT_TRUE(sys::WriteFile(Path("tools.cmdline"), bad));
    const auto refused = FindExtensionFile(Path("tools.img"));
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().kind(), ErrorKind::kBadInput);
  }
}

}  // namespace
}  // namespace inro::image
