// The seam to the kernel's device mapper, by its ioctl interface (linux/dm-ioctl.h, version 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::sys {

// One target that spans a whole device: what `dmsetup table` and `dmsetup status` print.
struct MapperTarget {
  std::string type;         // "verity"
  std::uint64_t bytes = 0;  // a multiple of 512
  std::string parameters;   // of a table as given or of a status
};

class DeviceMapper {
 public:
  virtual ~DeviceMapper() = default;
  // A read-only device; gives the path of its node ("/dev/dm-0"). A name that is taken is an error,
  // and what was made is removed again after an error. Blocks until the kernel has built it.
  virtual Result<std::string> Create(std::string_view name, const MapperTarget& target) = 0;
  // A device that is in use goes when the last user has closed it.
  virtual Result<> Remove(std::string_view name) = 0;
  // The live status of the device's only target.
  virtual Result<MapperTarget> Status(std::string_view name) = 0;
};

// Needs CAP_SYS_ADMIN and the module dm_mod.
class SystemDeviceMapper final : public DeviceMapper {
 public:
  Result<std::string> Create(std::string_view name, const MapperTarget& target) override;
  Result<> Remove(std::string_view name) override;
  Result<MapperTarget> Status(std::string_view name) override;
};

}  // namespace inro::sys
