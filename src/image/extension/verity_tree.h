// The hash tree of dm-verity, format 1 with SHA-256, without a superblock: what
// `veritysetup format --no-superblock` writes (the kernel's
// Documentation/admin-guide/device-mapper/verity.rst).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/extension_parameter.h"

namespace inro::image {

struct VerityTree {
  std::string blocks;  // the top level first; empty for one block of data
  protocol::VerityParameters parameters;
};

// `data`: a whole number of blocks, at least one. `salt`: up to 256 raw bytes. Block sizes: powers
// of two from 512 to 4096.
Result<VerityTree> MakeVerityTree(std::string_view data, std::string_view salt,
                                  std::uint32_t data_block_size = 4096,
                                  std::uint32_t hash_block_size = 4096);

// Whether data and tree fit the root hash; names the first block that does not. For checks and
// tests: a guest lets the kernel do it. Safe on any bytes.
Result<> VerifyTree(std::string_view data, std::string_view blocks,
                    const protocol::VerityParameters& parameters);

}  // namespace inro::image
