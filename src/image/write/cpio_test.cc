#include "image/write/cpio.h"

#include <gtest/gtest.h>

#include "image/tree/digest.h"
#include "image/write/compress.h"
#include "image/write/initrd.h"
#include "image/write/sample_tree.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

using namespace std::string_literals;

TEST(Cpio, TinyTreeIsThisByteForByte) {
  Tree tree;
  ASSERT_TRUE(tree.Put("a", MakeFile("hi\n", 0755)).has_value());
  ASSERT_TRUE(tree.Put("c", MakeDevice(NodeType::kCharDevice, 5, 1, 0600)).has_value());
  ASSERT_TRUE(tree.Put("l", MakeSymlink("a")).has_value());
  tree.Find("a")->uid = 1000;
  std::string want =
      // inode   mode    uid     gid     links   time    size    device          rdevice
      "070701"
      "00000001"
      "000041ed"
      "00000000"
      "00000000"
      "00000002"
      "0000000a"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000002"
      "00000000"
      ".\0"
      "070701"
      "00000002"
      "000081ed"
      "000003e8"
      "00000000"
      "00000001"
      "0000000a"
      "00000003"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000002"
      "00000000"
      "a\0"
      "hi\n\0"
      "070701"
      "00000003"
      "00002180"
      "00000000"
      "00000000"
      "00000001"
      "0000000a"
      "00000000"
      "00000000"
      "00000000"
      "00000005"
      "00000001"
      "00000002"
      "00000000"
      "c\0"
      "070701"
      "00000004"
      "0000a1ff"
      "00000000"
      "00000000"
      "00000001"
      "0000000a"
      "00000001"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000002"
      "00000000"
      "l\0"
      "a\0\0\0"
      "070701"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000001"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "00000000"
      "0000000b"
      "00000000"
      "TRAILER!!!\0\0\0\0"s;
  want.resize(1024);
  EXPECT_EQ(WriteCpio(tree, 10).value(), want);
}

TEST(Cpio, EveryNodeComesBack) {
  const Tree tree = SampleTree(false);
  const std::string archive = WriteCpio(tree, 1).value();
  EXPECT_EQ(archive.size() % 512, 0u);
  const auto back = ReadCpio(archive);
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  ExpectSameTree(*back, tree);
}

TEST(Cpio, NamesWhatItCannotCarry) {
  EXPECT_TRUE(LostInCpio(SampleTree(false)).empty());
  EXPECT_THAT(LostInCpio(SampleTree()), testing::ElementsAre("usr/bin/ping", "usr/share/marked"));
}

TEST(Cpio, SegmentsFollowOneAnother) {
  Tree first;
  ASSERT_TRUE(first.Put("bin", MakeSymlink("usr/bin")).has_value());
  ASSERT_TRUE(first.Put("usr/bin/x", MakeFile("old")).has_value());
  Tree second;
  ASSERT_TRUE(second.Put("usr/bin/x", MakeFile("new")).has_value());
  std::string third;
  {
    CpioWriter writer(0);  // an archive may name a file below a link of an earlier one
    ASSERT_TRUE(writer.Add("bin/y", MakeFile("y")).has_value());
    third = writer.Finish();
  }
  for (const CompressionFormat& format : CompressionFormats()) {
    if (!format.writable) continue;
    const std::string bytes = WriteCpio(first, 0).value() + std::string(512, '\0') +
                              Compress(WriteCpio(second, 0).value(), format.id).value() +
                              std::string(4, '\0') + third;
    const auto tree = ReadCpio(bytes);
    ASSERT_TRUE(tree.has_value()) << format.name << ": " << tree.error().ToString();
    EXPECT_EQ(tree->ReadFile("usr/bin/x").value(), "new");
    EXPECT_EQ(tree->ReadFile("usr/bin/y").value(), "y");
  }
}

TEST(Cpio, ReadsHardLinksOfGnuCpio) {
  const auto made = sys::Run({"sh", "-c",
                              "set -e; d=$(mktemp -d); cd \"$d\"; echo data > a; ln a b; ln a c;"
                              "printf 'a\\nb\\nc\\n' | cpio -o -H newc --quiet; rm -r \"$d\""});
  ASSERT_TRUE(made.has_value());
  if (made->status != 0) GTEST_SKIP() << "cpio is missing: " << made->err;
  const auto tree = ReadCpio(made->out);
  ASSERT_TRUE(tree.has_value()) << tree.error().ToString();
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(tree->ReadFile(name).value(), "data\n");
}

TEST(Cpio, GnuCpioListsTheSame) {
  const Tree tree = SampleTree(false);
  std::string names;
  for (const auto& [path, node] : tree.nodes()) names += (path.empty() ? "." : path) + "\n";
  sys::RunOptions options;
  options.stdin_bytes = WriteCpio(tree, 1).value();
  const auto listed = sys::Run({"cpio", "-it", "--quiet"}, options);
  if (!listed) GTEST_SKIP() << "cpio is missing";
  EXPECT_EQ(listed->out, names) << listed->err;
}

TEST(Cpio, RefusesDamagedArchives) {
  const std::string good = WriteCpio(SampleTree(false), 1).value();
  EXPECT_FALSE(ReadCpio(good.substr(0, 1000)).has_value());
  EXPECT_FALSE(ReadCpio(good, 1000).has_value());
  EXPECT_FALSE(ReadCpio("junk").has_value());
  CpioWriter writer(0);
  ASSERT_TRUE(writer.Add("a/../../b", MakeFile("x")).has_value());
  EXPECT_FALSE(ReadCpio(writer.Finish()).has_value());
}

TEST(Initrd, NestedBodyIsOnePageAlignedFile) {
  const std::string body = Noise(10000);
  for (std::size_t pad = 0; pad < 4096; pad += 4) {
    Tree outer;
    ASSERT_TRUE(outer.Put("init", MakeFile(std::string(pad, 'i'), 0755)).has_value());
    outer.Find("")->mode = 0711;
    const std::string initrd = AssembleNested(outer, body, 0).value();
    EXPECT_EQ(initrd.find(body) % 4096, 0u) << pad;
    if (pad % 512 != 0 && pad < 3500) continue;
    const auto tree = ReadCpio(initrd);
    ASSERT_TRUE(tree.has_value()) << tree.error().ToString();
    ASSERT_TRUE(outer.Put(kBodyPath, MakeFile(body, 0444)).has_value());
    ExpectSameTree(*tree, outer);
  }
}

TEST(Initrd, NestedRefusesASecondBody) {
  Tree outer;
  ASSERT_TRUE(outer.Put(kBodyPath, MakeFile("")).has_value());
  EXPECT_FALSE(AssembleNested(outer, "body", 0).has_value());
}

TEST(Compress, RoundTripsAndRepeats) {
  for (const CompressionFormat& format : CompressionFormats()) {
    if (!format.writable) continue;
    for (const std::string& bytes : {""s, "x"s, Text(20'000'000), Noise(100000)}) {
      const std::string packed = Compress(bytes, format.id, format.min_level).value();
      EXPECT_TRUE(packed == Compress(bytes, format.id, format.min_level).value()) << format.name;
      const auto back = Decompress(packed, format.id, bytes.size());
      ASSERT_TRUE(back.has_value()) << format.name << ": " << back.error().ToString();
      EXPECT_TRUE(back->bytes == bytes) << format.name;
      EXPECT_EQ(back->consumed, packed.size()) << format.name;
      if (bytes.size() > 1) {
        EXPECT_FALSE(Decompress(packed, format.id, bytes.size() - 1).has_value()) << format.name;
      }
    }
  }
}

TEST(Compress, RefusesWhatTheTableDoesNotHave) {
  EXPECT_EQ(ParseCompression("zstd").value(), Compression::kZstd);
  EXPECT_EQ(ParseCompression("xz").error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(ParseCompression("rar").error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(Compress("x", Compression::kGzip, 10).error().kind(), ErrorKind::kBadInput);
}

TEST(Compress, GzipCarriesNoNameAndNoTime) {
  EXPECT_EQ(Compress("x", Compression::kGzip).value().substr(0, 8), "\x1f\x8b\x08\0\0\0\0\0"s);
}

}  // namespace
}  // namespace inro::image
