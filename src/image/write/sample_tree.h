// A tree that holds every kind of node, for the tests of writers and readers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "image/tree/tree.h"

namespace inro::image {

// Bytes that do not compress, the same in every run.
inline std::string Noise(std::size_t size, std::uint64_t seed = 1) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(seed >> 56);
  }
  return bytes;
}

// Text that compresses.
inline std::string Text(std::size_t size) {
  std::string text;
  for (int line = 0; text.size() < size; ++line) {
    text += fmt::format("line {} of a file that has {} and more\n", line, line * line % 1009);
  }
  text.resize(size);
  return text;
}

// With `xattrs`, also what a cpio cannot carry.
inline Tree SampleTree(bool xattrs = true) {
  Tree tree;
  const auto put = [&](std::string_view path, Node node) {
    ASSERT_TRUE(tree.Put(path, std::move(node)).has_value());
  };
  const auto owned = [](Node node, std::uint32_t uid, std::uint32_t gid) {
    node.uid = uid;
    node.gid = gid;
    return node;
  };
  put("bin", MakeSymlink("usr/bin"));
  put("usr/bin/empty", MakeFile("", 0755));
  put("usr/bin/su", MakeFile(Text(5000), 04755));
  put("usr/bin/wall", owned(MakeFile(Noise(9000), 02755), 0, 5));
  put("usr/bin/text", MakeFile(Text(300000), 0755));
  put("usr/bin/mixed", MakeFile(Text(100001) + Noise(70003) + Text(50000), 0711));
  put("usr/bin/block", MakeFile(Noise(4096), 0600));
  put("usr/bin/large", MakeFile(Text(5'000'000), 0644));
  put("usr/bin/zeros", MakeFile(std::string(3'000'000, '\0'), 0644));
  put("tmp", MakeDirectory(01777));
  put("run/locked", MakeDirectory(0));
  put("home/user", owned(MakeDirectory(0700), 1000, 1000));
  put("home/user/note", owned(MakeFile("hello\n", 0640), 70000, 4000000000));
  put("home/user/long", MakeSymlink(std::string(200, 'a') + "/" + std::string(3000, 'b')));
  put("home/user/-first", MakeFile("sorts before the dot\n"));
  put("dev/console", MakeDevice(NodeType::kCharDevice, 5, 1, 0600));
  put("dev/null", MakeDevice(NodeType::kCharDevice, 1, 3, 0666));
  put("dev/disk", owned(MakeDevice(NodeType::kBlockDevice, 259, 70000, 0660), 0, 6));
  Node fifo;
  fifo.type = NodeType::kFifo;
  fifo.mode = 0620;
  put("run/fifo", fifo);
  for (int i = 0; i < 500; ++i) {
    put(fmt::format("usr/share/many/a-rather-long-file-name-number-{:04}", i),
        MakeFile(fmt::format("{}\n", i)));
  }
  if (xattrs) {
    Node ping = MakeFile(Noise(10000, 7), 0755);
    ping.xattrs["security.capability"] =
        std::string("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    ping.xattrs["user.comment"] = "a comment";
    put("usr/bin/ping", ping);
    Node directory = MakeDirectory(0755);
    directory.xattrs["user.what"] = std::string(300, 'x');
    directory.xattrs["trusted.overlay.opaque"] = "y";
    put("usr/share/marked", directory);
  }
  return tree;
}

// Compares every node and every field; names what differs.
inline void ExpectSameTree(const Tree& got, const Tree& want) {
  for (const auto& [path, node] : want.nodes()) {
    const Node* other = got.Find(path);
    ASSERT_NE(other, nullptr) << path << " is missing";
    EXPECT_EQ(other->type, node.type) << path;
    EXPECT_EQ(other->mode, node.mode) << path;
    EXPECT_EQ(other->uid, node.uid) << path;
    EXPECT_EQ(other->gid, node.gid) << path;
    EXPECT_EQ(other->major, node.major) << path;
    EXPECT_EQ(other->minor, node.minor) << path;
    EXPECT_EQ(other->target, node.target) << path;
    EXPECT_EQ(other->xattrs, node.xattrs) << path;
    EXPECT_TRUE(other->content.view() == node.content.view())
        << path << ": content differs, " << other->content.size() << " and " << node.content.size()
        << " bytes";
  }
  for (const auto& [path, node] : got.nodes()) {
    EXPECT_TRUE(want.Contains(path)) << path << " should not be there";
  }
}

}  // namespace inro::image
