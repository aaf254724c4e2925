// The properties of `systemctl show` that scripts use, by name.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "guest/systemctl/context.h"

namespace inro::guest::systemctl {

struct PropertySource {
  Context& context;
  const unit::Unit& unit;
  const Row row;
};

std::span<const std::string_view> PropertyNames();
bool HasProperty(std::string_view name);
// Empty for one that the unit does not have.
std::string PropertyOf(const PropertySource& source, std::string_view name);

// The unit's control group below the hierarchy, "/system.slice/x.service"; empty: it has none now.
std::string ControlGroupOf(const unit::Unit& unit);

}  // namespace inro::guest::systemctl
