#include "image/extension/verity_tree.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace inro::image {
namespace {

using protocol::VerityParameters;

constexpr std::size_t kDigest = 32;

class BlockHash {
 public:
  explicit BlockHash(std::string_view salt)
      : salt_(salt), context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {}

  // SHA-256 over salt and block.
  std::string operator()(std::string_view block) const {
    std::string digest(kDigest, '\0');
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    EVP_DigestUpdate(context_.get(), salt_.data(), salt_.size());
    EVP_DigestUpdate(context_.get(), block.data(), block.size());
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
    return digest;
  }

 private:
  std::string_view salt_;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

// The digests of all blocks, in blocks; the last one is filled with zeros.
std::string LevelAbove(std::string_view level, std::size_t block, std::size_t hash_block,
                       const BlockHash& hash) {
  std::string above;
  for (std::size_t at = 0; at < level.size(); at += block) above += hash(level.substr(at, block));
  above.resize((above.size() + hash_block - 1) / hash_block * hash_block, '\0');
  return above;
}

bool IsBlockSize(std::uint32_t size) {
  return size >= 512 && size <= 4096 && (size & (size - 1)) == 0;
}

std::string FromHex(std::string_view digits) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(value(digits[i]) << 4 | value(digits[i + 1]));
  }
  return bytes;
}

}  // namespace

Result<VerityTree> MakeVerityTree(std::string_view data, std::string_view salt,
                                  std::uint32_t data_block_size, std::uint32_t hash_block_size) {
  if (!IsBlockSize(data_block_size) || !IsBlockSize(hash_block_size)) {
    return Fail("dm-verity has no blocks of {} and {} bytes", data_block_size, hash_block_size);
  }
  if (data.empty() || data.size() % data_block_size != 0) {
    return Fail("{} bytes are no whole number of blocks of {} bytes", data.size(), data_block_size);
  }
  const BlockHash hash(salt);
  VerityTree tree;
  std::string_view level = data;
  std::size_t block = data_block_size;
  std::vector<std::string> levels;
  while (level.size() > block) {
    levels.push_back(LevelAbove(level, block, hash_block_size, hash));
    level = levels.back();
    block = hash_block_size;
  }
  tree.parameters.root_hash = Hex(hash(level));
  tree.parameters.salt = Hex(salt);
  tree.parameters.data_blocks = data.size() / data_block_size;
  tree.parameters.data_block_size = data_block_size;
  tree.parameters.hash_block_size = hash_block_size;
  for (auto top = levels.rbegin(); top != levels.rend(); ++top) tree.blocks += *top;
  return tree;
}

Result<> VerifyTree(std::string_view data, std::string_view blocks,
                    const VerityParameters& parameters) {
  if (data.size() / parameters.data_block_size < parameters.data_blocks) {
    return Fail("the data are shorter than {} blocks", parameters.data_blocks);
  }
  INRO_ASSIGN(const VerityTree tree,
              MakeVerityTree(data.substr(0, parameters.data_bytes()), FromHex(parameters.salt),
                             parameters.data_block_size, parameters.hash_block_size));
  if (tree.parameters.root_hash != parameters.root_hash) {
    return Fail("the data do not fit the root hash");
  }
  if (blocks.substr(0, tree.blocks.size()) != tree.blocks) {
    const auto [mine, theirs] = std::ranges::mismatch(tree.blocks, blocks);
    return Fail("the hash tree is wrong in block {}",
                (mine - tree.blocks.begin()) / parameters.hash_block_size);
  }
  return {};
}

}  // namespace inro::image
