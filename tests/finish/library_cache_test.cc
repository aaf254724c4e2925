// The library cache of a real tree is the one that ldconfig writes.
#include <gtest/gtest.h>
#include <unistd.h>

#include "debian_trees.h"
#include "image/finish/finish.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::image {
namespace {

TEST(LibraryCache, EqualsLdconfigs) {
  if (!sys::Exists("/usr/sbin/ldconfig") && !sys::Exists("/sbin/ldconfig")) {
    GTEST_SKIP() << "ldconfig is not installed";
  }
  if (::geteuid() != 0) GTEST_SKIP() << "ldconfig -r needs root for chroot";
  auto source = Fetch("bookworm", kGuestPackages);
  if (!source) GTEST_SKIP() << "no mirror: " << source.error().ToString();
  ASSERT_TRUE(Finish(*source, {}).has_value());
  const std::string ours(*source->tree.ReadFile("etc/ld.so.cache"));
  auto folder = sys::TempDir::Create("ldconfig");
  ASSERT_TRUE(folder.has_value());
  for (const auto& [path, node] : source->tree.nodes()) {
    const bool wanted = path.starts_with("usr/lib") || path.starts_with("lib") || path == "usr" ||
                        path.starts_with("etc/ld.so.conf") || path == "etc";
    if (!wanted || path.empty()) continue;
    const std::string to = folder->path() + "/" + path;
    if (node.type == NodeType::kDirectory) {
      ASSERT_TRUE(sys::MakeDirectories(to).has_value());
    } else if (node.type == NodeType::kSymlink) {
      ASSERT_EQ(::symlink(node.target.c_str(), to.c_str()), 0) << to;
    } else if (node.type == NodeType::kFile) {
      ASSERT_TRUE(sys::WriteFile(to, node.content.view()).has_value());
    }
  }
  const auto ran = sys::RunOrFail({"/sbin/ldconfig", "-r", folder->path(), "-X"});
  ASSERT_TRUE(ran.has_value()) << ran.error().ToString();
  const auto theirs = sys::ReadFile(folder->path() + "/etc/ld.so.cache");
  ASSERT_TRUE(theirs.has_value());
  // Behind the strings stands the name of the program that wrote the file: 24 bytes of table, then
  // the name, whose length is the last word of the table.
  const auto body = [](const std::string& bytes) { return bytes.rfind("\x74\x21\xa4\xea"); };
  ASSERT_NE(body(ours), std::string::npos);
  ASSERT_EQ(body(ours), body(*theirs));
  EXPECT_EQ(ours.substr(0, body(ours) + 20), theirs->substr(0, body(*theirs) + 20));
}

}  // namespace
}  // namespace inro::image
