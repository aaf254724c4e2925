#include "image/tree/tree.h"

#include <gtest/gtest.h>

#include "image/tree/digest.h"

namespace inro::image {
namespace {

TEST(Tree, PutMakesParents) {
  Tree tree;
  ASSERT_TRUE(tree.Put("usr/bin/x", MakeFile("x", 0755)).has_value());
  ASSERT_NE(tree.Find("usr/bin"), nullptr);
  EXPECT_EQ(tree.Find("usr/bin")->type, NodeType::kDirectory);
  EXPECT_EQ(tree.Children("usr").size(), 1u);
  EXPECT_EQ(tree.TotalBytes(), 1u);
}

TEST(Tree, PutRefusesWhatBreaksInvariants) {
  Tree tree;
  ASSERT_TRUE(tree.Put("a", MakeFile("")).has_value());
  EXPECT_FALSE(tree.Put("a/b", MakeFile("")).has_value());
  EXPECT_FALSE(tree.Put("../b", MakeFile("")).has_value());
  EXPECT_FALSE(tree.Put("/b", MakeFile("")).has_value());
  ASSERT_TRUE(tree.Put("d/e", MakeFile("")).has_value());
  EXPECT_FALSE(tree.Put("d", MakeFile("")).has_value());
}

TEST(Tree, ResolvesLinksInsideTheTree) {
  Tree tree;
  ASSERT_TRUE(tree.Put("usr/bin/dash", MakeFile("#", 0755)).has_value());
  ASSERT_TRUE(tree.Put("usr/bin/sh", MakeSymlink("dash")).has_value());
  ASSERT_TRUE(tree.Put("bin", MakeSymlink("usr/bin")).has_value());
  ASSERT_TRUE(tree.Put("loop", MakeSymlink("/loop")).has_value());
  EXPECT_EQ(tree.Resolve("/bin/sh").value(), "usr/bin/dash");
  EXPECT_EQ(tree.Resolve("bin/sh", false).value(), "usr/bin/sh");
  EXPECT_EQ(tree.Resolve("bin/../../bin/sh").value(), "usr/bin/dash");
  EXPECT_FALSE(tree.Resolve("loop").has_value());
  EXPECT_EQ(tree.Resolve("nothing").error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(tree.ResolveParents("bin/new/file"), "usr/bin/new/file");
}

TEST(Tree, RemoveTakesTheSubtreeOnly) {
  Tree tree;
  ASSERT_TRUE(tree.Put("a/b/c", MakeFile("")).has_value());
  ASSERT_TRUE(tree.Put("a-b", MakeFile("")).has_value());
  EXPECT_TRUE(tree.Remove("a"));
  EXPECT_FALSE(tree.Remove("a"));
  EXPECT_TRUE(tree.Contains("a-b"));
  EXPECT_FALSE(tree.Contains("a/b/c"));
}

TEST(Tree, DigestSeesEveryField) {
  Tree one;
  ASSERT_TRUE(one.Put("a", MakeFile("x")).has_value());
  Tree two = one;
  EXPECT_EQ(one.Digest(), two.Digest());
  two.Find("a")->uid = 1;
  EXPECT_NE(one.Digest(), two.Digest());
}

TEST(CleanPath, Normalises) {
  EXPECT_EQ(CleanPath("/usr//bin/./x/").value(), "usr/bin/x");
  EXPECT_FALSE(CleanPath("a/../b").has_value());
}

TEST(Sha256, KnownVector) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace inro::image
