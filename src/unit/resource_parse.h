// Parsers of the rows of systemd.resource-control(5). Private to the directive table.
#pragma once

#include "unit/directive_parse.h"

namespace inro::unit::parse {

inline constexpr Choice<DevicePolicy> kDevicePolicies[] = {
    {"auto", DevicePolicy::kAuto},
    {"closed", DevicePolicy::kClosed},
    {"strict", DevicePolicy::kStrict},
};

void ResourceInto(DirectiveContext& context, std::optional<ResourceLimit>& target);
template <auto kMember>
void ResourceRow(DirectiveContext& c) {
  ResourceInto(c, *In(c.unit, kMember));
}

void NumberSetInto(DirectiveContext& context, std::vector<unsigned>& target);
template <auto kMember>
void NumberSet(DirectiveContext& c) {
  NumberSetInto(c, *In(c.unit, kMember));
}

void CpuQuota(DirectiveContext& context);
void CpuWeight(DirectiveContext& context);
void IoWeight(DirectiveContext& context);
void SliceName(DirectiveContext& context);
void Delegate(DirectiveContext& context);
void DeviceAllow(DirectiveContext& context);

}  // namespace inro::unit::parse
