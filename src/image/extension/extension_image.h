// Guest extension images (Kata 4): a tree as an EROFS on a disk that the guest verifies before it
// mounts it. docs/extensions.md tells the whole story.
//
//   byte 0   MBR: one partition, or two with dm-verity
//   1 MiB    partition 1: the EROFS
//            partition 2, at the next multiple of 1 MiB: the hash tree, without a superblock
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree/tree.h"
#include "protocol/extension_parameter.h"

namespace inro::image {

struct ExtensionOptions {
  bool measured = true;     // with dm-verity
  std::uint32_t epoch = 0;  // of every inode, seconds since 1970
};

struct ExtensionImage {
  std::string bytes;
  std::string parameter;  // the word for the kernel's command line
};

// kBadInput with what is wrong, or nothing.
Result<> CheckExtensionName(std::string_view name);

// Deterministic in name, tree and options: the salt comes from the tree.
Result<ExtensionImage> MakeExtensionImage(std::string_view name, const Tree& tree,
                                          const ExtensionOptions& options = {});

// An extension on the host: the image, and its parameter in a file beside it.
struct ExtensionFile {
  std::string path;
  std::string name;
  std::string parameter;
};
// "out/tools.img" -> "out/tools.cmdline".
std::string ExtensionParameterPath(std::string_view image_path);
// Reads what is beside the image. kBadInput when either is not there or is malformed.
Result<ExtensionFile> FindExtensionFile(const std::string& image_path);

}  // namespace inro::image
