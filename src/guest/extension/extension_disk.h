// Which block device carries an extension. Found by its serial in sysfs; no udev is needed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/file_source.h"

namespace inro::guest::extension {

struct BlockDevice {
  std::string name;         // "vdb1": its node is /dev/vdb1
  std::string number;       // "254:17"
  std::uint64_t bytes = 0;  // 0: there is none
  bool exists() const { return bytes > 0; }
};

// Partition 1 holds the file system, partition 2 the hash tree of dm-verity. An image without
// partitions is its file system.
struct ExtensionDisk {
  BlockDevice disk;
  BlockDevice data;  // partition 1, else the disk
  BlockDevice hash;  // partition 2, where there is one
};

// By /sys/block/*/serial. kNotFound when no disk has the serial; an error when two have it (a disk
// tells its first 20 bytes only).
Result<ExtensionDisk> FindExtensionDisk(const sys::FileSource& files, std::string_view serial);

}  // namespace inro::guest::extension
