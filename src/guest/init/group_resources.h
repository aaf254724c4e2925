// Limits of a control group, v2 (systemd.resource-control(5)).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unit/exec_settings.h"

namespace inro::guest {

inline constexpr std::string_view kAllControllers[] = {"cpuset", "cpu", "io", "memory", "pids"};

// Writes the settings into the group at `path`, which is below the hierarchy's `root`, and turns
// the controllers that they need on above it. A group of a unit gets the default of TasksMax= when
// it has no own: a fork bomb stays in its unit. What cannot be set becomes a note; nothing is one
// that was not asked for.
void ApplyResources(const std::string& root, const std::string& path,
                    const unit::ResourceSettings& resources, bool of_unit,
                    std::vector<std::string>& notes);

// Turns controllers on for the groups in each folder from `root` down to the one above `path`.
void EnableControllers(const std::string& root, const std::string& path,
                       std::span<const std::string_view> controllers);

// True when anything is limited.
bool HasResources(const unit::ResourceSettings& resources);

}  // namespace inro::guest
