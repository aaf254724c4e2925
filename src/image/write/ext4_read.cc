// The ext4 reader; see ext4.h.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "image/write/ext2fs_handle.h"
#include "image/write/ext4.h"
#include "image/write/file_mode.h"

namespace inro::image {
namespace {

constexpr std::size_t kMaxPath = 4096;
constexpr std::string_view kLostFound = "lost+found";

struct Entry {
  std::string name;
  ext2_ino_t inode;
};

int CollectEntry(ext2_ino_t, int, ext2_dir_entry* dirent, int, int, char*, void* data) {
  const auto* typed = reinterpret_cast<const ext2_dir_entry_2*>(dirent);
  const std::string_view name(typed->name, typed->name_len);
  if (name != "." && name != "..") {
    static_cast<std::vector<Entry>*>(data)->push_back({std::string(name), dirent->inode});
  }
  return 0;
}

int CollectXattr(char* name, char* value, std::size_t size, void* data) {
  (*static_cast<std::map<std::string, std::string>*>(data))[name] = std::string(value, size);
  return 0;
}

class Reader {
 public:
  Reader(ext2_filsys fs, std::uint64_t limit) : fs_(fs), limit_(limit) {}

  Result<Tree> Run() {
    todo_.push_back({"", EXT2_ROOT_INO});
    INRO_TRY(ReadNode("", EXT2_ROOT_INO));
    while (!todo_.empty()) {
      const Entry directory = std::move(todo_.back());
      todo_.pop_back();
      if (!seen_.insert(directory.inode).second) {
        return Fail("ext4: the directory {} is met twice", directory.name);
      }
      std::vector<Entry> entries;
      if (const errcode_t code =
              ext2fs_dir_iterate2(fs_, directory.inode, 0, nullptr, &CollectEntry, &entries)) {
        return Ext2fsFail(fmt::format("ext4: list /{}", directory.name), code);
      }
      for (const Entry& entry : entries) {
        if (directory.name.empty() && entry.name == kLostFound) continue;
        const std::string path =
            directory.name.empty() ? entry.name : directory.name + "/" + entry.name;
        if (entry.name.find('/') != std::string::npos || path.size() > kMaxPath) {
          return Fail("ext4: an impossible name in /{}", directory.name);
        }
        INRO_TRY(ReadNode(path, entry.inode));
      }
    }
    return std::move(tree_);
  }

 private:
  Result<> ReadNode(const std::string& path, ext2_ino_t number) {
    ext2_inode_large inode{};
    auto* const small = reinterpret_cast<ext2_inode*>(&inode);
    if (const errcode_t code = ext2fs_read_inode_full(fs_, number, small, sizeof inode)) {
      return Ext2fsFail(fmt::format("ext4: read /{}", path), code);
    }
    const auto type = TypeOfMode(inode.i_mode);
    if (!type) return Fail("ext4: /{} has mode {:o}, no type of a tree", path, inode.i_mode);
    Node node;
    node.type = *type;
    node.mode = inode.i_mode & 07777;
    node.uid = inode.i_uid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_uid_high) << 16;
    node.gid = inode.i_gid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_gid_high) << 16;
    INRO_TRY(ReadXattrs(path, number, node));
    switch (node.type) {
      case NodeType::kDirectory:
        if (!path.empty()) todo_.push_back({path, number});
        break;
      case NodeType::kSymlink:
        if (ext2fs_is_fast_symlink(small)) {
          const char* const text = reinterpret_cast<const char*>(inode.i_block);
          node.target.assign(text, std::min<std::size_t>(inode.i_size, sizeof inode.i_block));
        } else {
          INRO_ASSIGN(node.target, ReadData(path, number, small));
        }
        break;
      case NodeType::kFile: {
        auto found = contents_.find(number);
        if (found == contents_.end()) {
          INRO_ASSIGN(std::string data, ReadData(path, number, small));
          found = contents_.emplace(number, Content(std::move(data))).first;
        }
        node.content = found->second;
        break;
      }
      case NodeType::kCharDevice:
      case NodeType::kBlockDevice:
        if (inode.i_block[0] != 0) {
          node.major = inode.i_block[0] >> 8 & 0xff;
          node.minor = inode.i_block[0] & 0xff;
        } else {
          node.major = inode.i_block[1] >> 8 & 0xfff;
          node.minor = (inode.i_block[1] & 0xff) | (inode.i_block[1] >> 12 & 0xfff00);
        }
        break;
      case NodeType::kFifo:
        break;
    }
    return tree_.Put(path, std::move(node));
  }

  Result<std::string> ReadData(const std::string& path, ext2_ino_t number, ext2_inode* inode) {
    const std::uint64_t size = EXT2_I_SIZE(inode);
    if (size > limit_ - used_) return Fail("ext4: files of more than {} bytes", limit_);
    used_ += size;
    ext2_file_t file = nullptr;
    if (const errcode_t code = ext2fs_file_open2(fs_, number, inode, 0, &file)) {
      return Ext2fsFail(fmt::format("ext4: open /{}", path), code);
    }
    std::string data(size, '\0');
    std::size_t at = 0;
    errcode_t code = 0;
    while (at < size && code == 0) {
      unsigned got = 0;
      const auto wanted = static_cast<unsigned>(std::min<std::uint64_t>(size - at, 1 << 20));
      code = ext2fs_file_read(file, data.data() + at, wanted, &got);
      if (got == 0) break;
      at += got;
    }
    ext2fs_file_close(file);
    if (code != 0) return Ext2fsFail(fmt::format("ext4: read /{}", path), code);
    if (at != size) return Fail("ext4: /{} ends early", path);
    return data;
  }

  Result<> ReadXattrs(const std::string& path, ext2_ino_t number, Node& node) {
    ext2_xattr_handle* handle = nullptr;
    errcode_t code = ext2fs_xattrs_open(fs_, number, &handle);
    if (code == 0) code = ext2fs_xattrs_read(handle);
    if (code == 0) code = ext2fs_xattrs_iterate(handle, &CollectXattr, &node.xattrs);
    if (handle != nullptr) ext2fs_xattrs_close(&handle);
    if (code != 0) return Ext2fsFail(fmt::format("ext4: read the attributes of /{}", path), code);
    return {};
  }

  ext2_filsys fs_;
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
  Tree tree_;
  std::vector<Entry> todo_;  // directories: path and inode
  std::set<ext2_ino_t> seen_;
  std::map<ext2_ino_t, Content> contents_;
};

}  // namespace

Result<Tree> ReadExt4(const std::string& path, std::uint64_t offset, std::uint64_t limit) {
  ext2_filsys fs = nullptr;
  if (const errcode_t code = ext2fs_open2(path.c_str(), fmt::format("offset={}", offset).c_str(),
                                          EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &fs)) {
    return Ext2fsFail(fmt::format("open the ext4 file system in {}", path), code);
  }
  const Ext2fsHandle owner(fs);
  return Reader(fs, limit).Run();
}

}  // namespace inro::image
