#include "guest/extension/mount_extension.h"

#include <sys/mount.h>

#include "base/scope_guard.h"

namespace inro::guest::extension {
namespace {

using protocol::VerityParameters;

constexpr const char* kFileSystem = "erofs";
constexpr std::size_t kDigestBytes = 32;

// Blocks of the hash tree: each level has a digest for each block of the level below, up to one
// block. One block of data has no tree: its digest is the root hash.
std::uint64_t HashBlocks(const VerityParameters& parameters) {
  const std::uint64_t fanout = parameters.hash_block_size / kDigestBytes;
  std::uint64_t level = parameters.data_blocks;
  std::uint64_t all = 0;
  while (level > 1) {
    level = (level + fanout - 1) / fanout;
    all += level;
  }
  return all;
}

// Mounts `source`, a node below /dev, and checks it; a mount that fails the check is undone.
Result<> MountChecked(const std::string& source, const std::string& target, std::uint64_t verified,
                      const MountSeams& seams) {
  if (verified > 0 && verified <= kReadWhole) {
    INRO_TRY(seams.check.ReadDevice(source, verified));
  }
  INRO_TRY(seams.mounts.MakeDirectory(std::string(protocol::kExtensionFolder), 0755));
  INRO_TRY(seams.mounts.MakeDirectory(target, 0755));
  INRO_TRY(seams.mounts.Mount(source, target, kFileSystem, MS_RDONLY | MS_NODEV | MS_NOSUID, ""));
  if (verified <= kReadWhole) return {};
  const auto read = seams.check.ReadMetadata(target);
  if (!read) static_cast<void>(seams.mounts.Unmount(target, 0));
  return read;
}

}  // namespace

Result<bool> IsVerified(bool has_hash, bool has_parameters) {
  if (has_hash == has_parameters) return has_hash;
  if (has_hash) {
    return Fail(
        "the disk has a hash partition, but the kernel's command line has no parameters for it: "
        "it is not mounted unverified");
  }
  return Fail(
      "the kernel's command line has parameters of dm-verity, but the disk has no hash partition");
}

Result<sys::MapperTarget> VerityTarget(const VerityParameters& parameters, const BlockDevice& data,
                                       const BlockDevice& hash) {
  if (parameters.data_bytes() > data.bytes) {
    return Fail("{} blocks of {} bytes are more than {} has", parameters.data_blocks,
                parameters.data_block_size, data.name);
  }
  if (HashBlocks(parameters) * parameters.hash_block_size > hash.bytes) {
    return Fail("the hash tree of {} blocks is larger than {}", parameters.data_blocks, hash.name);
  }
  sys::MapperTarget target;
  target.type = "verity";
  target.bytes = parameters.data_bytes();
  // Format 1; the tree begins with the partition. A block that is wrong is an I/O error.
  target.parameters =
      fmt::format("1 {} {} {} {} {} 0 sha256 {} {}", data.number, hash.number,
                  parameters.data_block_size, parameters.hash_block_size, parameters.data_blocks,
                  parameters.root_hash, parameters.salt.empty() ? "-" : parameters.salt);
  return target;
}

Result<std::string> MountExtension(std::string_view name, std::string_view verity,
                                   const ExtensionDisk& disk, const MountSeams& seams) {
  const std::string target = protocol::ExtensionMountPoint(name);
  if (seams.mounts.IsMountPoint(target)) return fmt::format("{} is mounted already", target);
  INRO_ASSIGN(const bool verified, IsVerified(disk.hash.exists(), !verity.empty()));
  if (!verified) {
    INRO_TRY(MountChecked("/dev/" + disk.data.name, target, 0, seams));
    return fmt::format("{} is mounted at {}, not verified", disk.data.name, target);
  }
  const auto parameters = protocol::ParseVerityParameters(verity);
  if (!parameters) {
    return std::unexpected(parameters.error().Wrap(protocol::ExtensionParameter(name)));
  }
  INRO_ASSIGN(const sys::MapperTarget table, VerityTarget(*parameters, disk.data, disk.hash));
  const std::string device = protocol::ExtensionSerial(name);
  INRO_ASSIGN(const std::string node, seams.mapper.Create(device, table));
  ScopeGuard remove([&] { static_cast<void>(seams.mapper.Remove(device)); });
  const auto mounted = MountChecked(node, target, table.bytes, seams);
  if (!mounted) {
    return std::unexpected(mounted.error().Wrap(
        fmt::format("{} does not fit its root hash, or cannot be read", disk.disk.name)));
  }
  remove.Dismiss();
  return fmt::format("{} is mounted at {}, verified by {}", disk.data.name, target, node);
}

Result<> UnmountExtension(std::string_view name, const MountSeams& seams) {
  const std::string target = protocol::ExtensionMountPoint(name);
  // Files of it may be open until the guest's end: the mount point goes now, the rest with them.
  if (seams.mounts.IsMountPoint(target)) INRO_TRY(seams.mounts.Unmount(target, MNT_DETACH));
  const std::string device = protocol::ExtensionSerial(name);
  if (!seams.mapper.Status(device)) return {};
  return seams.mapper.Remove(device);
}

}  // namespace inro::guest::extension
