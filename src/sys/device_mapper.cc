#include "sys/device_mapper.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstring>

#include "base/scope_guard.h"
#include "sys/file.h"

namespace inro::sys {
namespace {

constexpr const char* kControl = "/dev/mapper/control";
constexpr std::uint64_t kSector = 512;
constexpr std::size_t kRoom = 4096;  // behind the header: a target with its parameters

// One call: the header, and room for a target behind it.
class Request {
 public:
  explicit Request(std::string_view name) {
    dm_ioctl& header = Header();
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = static_cast<std::uint32_t>(buffer_.size());
    header.data_start = sizeof(dm_ioctl);
    // A longer name was refused by CheckName.
    std::memcpy(header.name, name.data(), std::min(name.size(), sizeof header.name - 1));
  }

  dm_ioctl& Header() { return *reinterpret_cast<dm_ioctl*>(buffer_.data()); }

  Result<> SetTarget(const MapperTarget& target) {
    if (target.type.size() >= DM_MAX_TYPE_NAME ||
        sizeof(dm_target_spec) + target.parameters.size() + 1 > kRoom) {
      return Fail("the table of a device is too long");
    }
    auto& spec = Spec();
    spec.sector_start = 0;
    spec.length = target.bytes / kSector;
    std::memcpy(spec.target_type, target.type.data(), target.type.size());
    std::memcpy(Parameters(), target.parameters.data(), target.parameters.size());
    Header().target_count = 1;
    return {};
  }

  MapperTarget Target() {
    auto& spec = Spec();
    MapperTarget target;
    target.type.assign(spec.target_type, ::strnlen(spec.target_type, sizeof spec.target_type));
    target.bytes = spec.length * kSector;
    target.parameters.assign(Parameters(), ::strnlen(Parameters(), kRoom - sizeof(dm_target_spec)));
    return target;
  }

  Result<> Call(unsigned long command, std::string_view what) {
    INRO_ASSIGN(const UniqueFd control, Open(kControl, O_RDWR));
    if (::ioctl(control.get(), command, buffer_.data()) != 0) {
      return FailErrno("{} {}", what, Header().name);
    }
    return {};
  }

 private:
  dm_target_spec& Spec() {
    return *reinterpret_cast<dm_target_spec*>(buffer_.data() + sizeof(dm_ioctl));
  }
  char* Parameters() { return buffer_.data() + sizeof(dm_ioctl) + sizeof(dm_target_spec); }

  alignas(dm_ioctl) std::array<char, sizeof(dm_ioctl) + kRoom> buffer_{};
};
static_assert(sizeof(dm_ioctl) % alignof(dm_target_spec) == 0);

Result<> CheckName(std::string_view name) {
  if (name.empty() || name.size() >= DM_NAME_LEN || name.find('/') != name.npos) {
    return Fail("\"{}\" cannot name a device", name);
  }
  return {};
}

}  // namespace

Result<std::string> SystemDeviceMapper::Create(std::string_view name, const MapperTarget& target) {
  INRO_TRY(CheckName(name));
  Request create(name);
  INRO_TRY(create.Call(DM_DEV_CREATE, "make the device"));
  ScopeGuard remove([&] { static_cast<void>(Remove(name)); });
  Request load(name);
  load.Header().flags = DM_READONLY_FLAG;
  INRO_TRY(load.SetTarget(target));
  INRO_TRY(load.Call(DM_TABLE_LOAD, "load the table of"));
  Request resume(name);  // without DM_SUSPEND_FLAG it resumes
  INRO_TRY(resume.Call(DM_DEV_SUSPEND, "start"));
  remove.Dismiss();
  return fmt::format("/dev/dm-{}", minor(resume.Header().dev));
}

Result<> SystemDeviceMapper::Remove(std::string_view name) {
  INRO_TRY(CheckName(name));
  Request remove(name);
  remove.Header().flags = DM_DEFERRED_REMOVE;
  return remove.Call(DM_DEV_REMOVE, "remove");
}

Result<MapperTarget> SystemDeviceMapper::Status(std::string_view name) {
  INRO_TRY(CheckName(name));
  Request status(name);
  INRO_TRY(status.Call(DM_TABLE_STATUS, "ask for the status of"));
  if (status.Header().target_count != 1) {
    return Fail("{} has {} targets, not one", name, status.Header().target_count);
  }
  return status.Target();
}

}  // namespace inro::sys
