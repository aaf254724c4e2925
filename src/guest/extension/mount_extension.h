// Mounting one extension: the decision by what the disk has and the command line says, dm-verity,
// the check of the content, the mount.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "guest/extension/extension_disk.h"
#include "protocol/extension_parameter.h"
#include "sys/device_mapper.h"
#include "sys/file_source.h"
#include "sys/mounts.h"

namespace inro::guest::extension {

// The seam to reading what is mounted.
class ContentCheck {
 public:
  virtual ~ContentCheck() = default;
  // Reads all bytes of the device, past the page cache.
  virtual Result<> ReadDevice(const std::string& node, std::uint64_t bytes) = 0;
  // Reads every directory and every inode below the folder.
  virtual Result<> ReadMetadata(const std::string& folder) = 0;
};

class SystemContentCheck final : public ContentCheck {
 public:
  Result<> ReadDevice(const std::string& node, std::uint64_t bytes) override;
  Result<> ReadMetadata(const std::string& folder) override;
};

// Measured images up to this size are read as a whole before they count as mounted, larger ones are
// read as far as names and inodes go; what is wrong elsewhere is an I/O error when it is read.
inline constexpr std::uint64_t kReadWhole = std::uint64_t{64} << 20;

struct MountSeams {
  const sys::FileSource& files;
  sys::DeviceMapper& mapper;
  sys::Mounts& mounts;
  ContentCheck& check;
};

// Whether the image is verified, by its partitions and the command line; the partitions decide, so
// that nobody turns verification off by leaving a word out:
//
//   hash partition  parameters
//   yes             yes         verified
//   yes             no          refused
//   no              yes         refused
//   no              no          not verified
Result<bool> IsVerified(bool has_hash, bool has_parameters);

// The target of the device mapper. An error when the data or the tree do not fit on their devices.
Result<sys::MapperTarget> VerityTarget(const protocol::VerityParameters& parameters,
                                       const BlockDevice& data, const BlockDevice& hash);

// `verity`: the value of the kernel parameter, empty for a bare one. Gives one sentence on what was
// mounted. After an error nothing is left behind.
Result<std::string> MountExtension(std::string_view name, std::string_view verity,
                                   const ExtensionDisk& disk, const MountSeams& seams);
// What is not there is no error.
Result<> UnmountExtension(std::string_view name, const MountSeams& seams);

}  // namespace inro::guest::extension
