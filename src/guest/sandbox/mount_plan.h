// What a unit's sandbox does to the file system that its processes see, as data: what is mounted
// where, and which parts are read-only or not executable. Pure; mount_namespace.h does it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "unit/exec_settings.h"

namespace inro::guest::sandbox {

// Something mounted at a path.
struct PlannedMount {
  enum class Kind : std::uint8_t {
    kInaccessible,    // an empty thing of the same type, with no access
    kBind,            // `source`, a path of the system outside
    kTemporary,       // an empty tmpfs with `options`
    kPrivateDevices,  // a /dev with only what is harmless
    kProc,            // a proc of its own with `options`
  };
  std::string path;  // in the root of the service
  Kind kind = Kind::kBind;
  bool optional = false;  // nothing to do when the path, or the source, is absent
  std::string source = {}, options = {};
  bool recursive = true;  // of a bind
};

// A property of all that lies at and below a path, down to the next path with such a property.
struct PlannedAccess {
  enum class Property : std::uint8_t { kWritable, kExecutable };
  std::string path;
  Property property = Property::kWritable;
  bool allowed = false;
  bool optional = false;
};

struct MountPlan {
  std::string root;  // "": the system's own
  std::vector<PlannedMount> mounts;
  std::vector<PlannedAccess> accesses;
  unsigned long propagation = 0;  // MS_SHARED, MS_SLAVE or MS_PRIVATE, in the end
  bool empty() const { return mounts.empty() && accesses.empty() && root.empty(); }
};

// What the launcher has prepared for the unit.
struct MountSources {
  std::string tmp, var_tmp;              // of PrivateTmp=
  std::string credentials;               // the unit's own folder of credentials; "" for none
  std::vector<std::string> directories;  // RuntimeDirectory= and its kin: stay writable
  std::string notify_socket;             // goes into RootDirectory=
  bool mount_api = true;                 // MountAPIVFS=, with RootDirectory=
};

// True when the unit's processes need a mount namespace of their own; cheap.
bool NeedsMountNamespace(const unit::ExecSettings& exec);

// Mounts are sorted, parents first, each path once. Accesses too, each path once a property; the
// stricter of two stands.
MountPlan PlanMounts(const unit::ExecSettings& exec, const MountSources& sources);

// True when `path` is `parent` or below it.
bool IsBelow(std::string_view path, std::string_view parent);

}  // namespace inro::guest::sandbox
