#include "unit/resource_parse.h"

#include <algorithm>

namespace inro::unit::parse {

void ResourceInto(DirectiveContext& context, std::optional<ResourceLimit>& target) {
  if (context.value.empty()) {
    target.reset();
  } else if (context.value == "infinity") {
    target = ResourceLimit{};
  } else if (const auto share = ParsePermyriad(context.value); share && *share <= 10'000) {
    target = ResourceLimit{std::nullopt, *share};
  } else if (const auto bytes = ParseSize(context.value)) {
    target = ResourceLimit{*bytes, std::nullopt};
  } else {
    context.problem = "a number with K, M, G or T, a share like 50%, or infinity is expected";
  }
}

void NumberSetInto(DirectiveContext& context, std::vector<unsigned>& target) {
  if (context.value.empty()) {
    target.clear();
    return;
  }
  const auto set = ParseNumberSet(context.value);
  if (!set) {
    context.problem = "numbers or ranges are expected, for example 0-3 5";
    return;
  }
  target.insert(target.end(), set->begin(), set->end());
  std::ranges::sort(target);
  target.erase(std::ranges::unique(target).begin(), target.end());
}

void CpuQuota(DirectiveContext& context) {
  auto& quota = ResourcesOf(context.unit).cpu_quota_permyriad;
  if (context.value.empty()) {
    quota.reset();
  } else if (const auto share = ParsePermyriad(context.value); share && *share > 0) {
    quota = *share;
  } else {
    context.problem = "a share of one CPU is expected, for example 20%";
  }
}

namespace {

void WeightInto(DirectiveContext& context, std::optional<unsigned>& target) {
  if (context.value.empty()) {
    target.reset();
    return;
  }
  const auto weight = ParseNumber<unsigned>(context.value);
  if (weight && *weight >= 1 && *weight <= 10'000) {
    target = *weight;
  } else {
    context.problem = "a weight from 1 to 10000 is expected";
  }
}

}  // namespace

void CpuWeight(DirectiveContext& context) {
  auto& weight = ResourcesOf(context.unit).cpu_weight;
  if (context.value == "idle") {
    weight = 0;
  } else {
    WeightInto(context, weight);
  }
}

void IoWeight(DirectiveContext& context) {
  WeightInto(context, ResourcesOf(context.unit).io_weight);
}

void SliceName(DirectiveContext& context) {
  std::string name;
  if (!Expand(context, context.value, name)) return;
  if (!name.empty() && KindOf(name) != UnitKind::kSlice) {
    context.problem = "the name of a slice is expected";
    return;
  }
  ResourcesOf(context.unit).slice = std::move(name);
}

// Names of controllers delegate those; all that the kernel has are delegated together here.
void Delegate(DirectiveContext& context) {
  bool& delegate = ResourcesOf(context.unit).delegate;
  if (const auto whole = ParseBool(context.value)) {
    delegate = *whole;
    return;
  }
  constexpr std::string_view kControllers[] = {"cpu",
                                               "cpuacct",
                                               "cpuset",
                                               "io",
                                               "blkio",
                                               "memory",
                                               "devices",
                                               "pids",
                                               "bpf-firewall",
                                               "bpf-devices",
                                               "bpf-foreign",
                                               "bpf-socket-bind",
                                               "bpf-restrict-network-interfaces"};
  for (const std::string_view word : SplitWords(context.value)) {
    if (std::ranges::find(kControllers, word) == std::end(kControllers)) {
      context.problem = "yes, no or names of controllers are expected";
      return;
    }
  }
  delegate = true;
}

void DeviceAllow(DirectiveContext& context) {
  auto& rules = ResourcesOf(context.unit).devices;
  if (context.value.empty()) {
    rules.clear();
    return;
  }
  std::string text;
  if (!Expand(context, context.value, text)) return;
  const auto words = SplitWords(text);
  if (words.empty()) return;
  const std::string_view device = words[0];
  const std::string_view access = words.size() > 1 ? words[1] : "rwm";
  if (words.size() > 2 ||
      !(device.starts_with("/dev/") || device.starts_with("/run/systemd/inaccessible/") ||
        device.starts_with("char-") || device.starts_with("block-"))) {
    context.problem = "expected /dev/NAME, char-NAME or block-NAME, and r, w or m";
    return;
  }
  if (access.find_first_not_of("rwm") != std::string_view::npos) {
    context.problem = "access is made of r, w and m";
    return;
  }
  if (rules.size() < kMaxList) rules.push_back({std::string(device), std::string(access)});
}

}  // namespace inro::unit::parse
