#include "image/build/unit_check_start.h"

#include <fmt/format.h>

#include <algorithm>

#include "unit/text.h"

namespace inro::image {
namespace {

constexpr std::string_view kPrograms[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin"};

bool AppearsAtRunTime(std::string_view path) {
  constexpr std::string_view kFolders[] = {"/run/", "/tmp/",     "/dev/",    "/proc/",
                                           "/sys/", "/var/run/", "/var/tmp/"};
  return std::ranges::any_of(kFolders,
                             [&](std::string_view folder) { return path.starts_with(folder); });
}

const Node* Look(const Tree& tree, std::string_view path) {
  const auto resolved = tree.Resolve(path);
  return resolved ? tree.Find(*resolved) : nullptr;
}

bool IsProgram(const Tree& tree, std::string_view path) {
  const Node* node = Look(tree, path);
  return node != nullptr && node->type == NodeType::kFile && (node->mode & 0111) != 0;
}

bool HasProgram(const Tree& tree, const std::string& program) {
  if (program.starts_with('/')) return AppearsAtRunTime(program) || IsProgram(tree, program);
  return std::ranges::any_of(kPrograms, [&](std::string_view folder) {
    return IsProgram(tree, fmt::format("{}/{}", folder, program));
  });
}

// Whether a condition about a path does not hold in the tree: the unit is skipped, which is no
// fault.
bool IsSkipped(const unit::Unit& unit, const Tree& tree) {
  return std::ranges::any_of(unit.conditions, [&](const unit::Condition& condition) {
    if (condition.negate || condition.trigger || condition.assertion) return false;
    if (!condition.value.starts_with('/') || AppearsAtRunTime(condition.value + "/")) return false;
    switch (condition.kind) {
      case unit::ConditionKind::kPathExists:
      case unit::ConditionKind::kPathIsDirectory:
      case unit::ConditionKind::kDirectoryNotEmpty:
      case unit::ConditionKind::kFileNotEmpty:
      case unit::ConditionKind::kFileIsExecutable:
        return Look(tree, condition.value) == nullptr;
      default:
        return false;
    }
  });
}

// Whether a file of lines "NAME:..." has one of that name, or the text is a number.
bool HasAccount(const Tree& tree, std::string_view file, const std::string& name) {
  if (unit::ParseNumber<std::uint32_t>(name)) return true;
  const auto text = tree.ReadFile(file);
  if (!text) return name == "root";
  const std::string wanted = name + ":";
  return text->starts_with(wanted) || text->find("\n" + wanted) != std::string_view::npos;
}

}  // namespace

std::vector<std::string> WhyItNeverStarts(const unit::Unit& unit, const Tree& tree) {
  std::vector<std::string> reasons;
  if (!unit.service || unit.state != unit::LoadState::kLoaded || IsSkipped(unit, tree)) {
    return reasons;
  }
  const unit::ServiceSettings& service = *unit.service;
  const auto say = [&](std::string reason) {
    reasons.push_back(fmt::format("{} cannot start: {}", unit.name, reason));
  };
  if (service.exec.root_directory.empty()) {
    for (const auto* commands : {&service.start_pre, &service.start}) {
      for (const unit::Command& command : *commands) {
        if ((command.flags & unit::kIgnoreFailure) != 0) continue;
        if (HasProgram(tree, command.program)) continue;
        say(fmt::format("there is no program {}", command.program));
      }
    }
    for (const auto& file : service.exec.environment_files) {
      const bool plain = file.path.find_first_of("*?[") == std::string::npos;
      if (file.optional || !plain || AppearsAtRunTime(file.path)) continue;
      if (Look(tree, file.path) == nullptr) say(fmt::format("there is no file {}", file.path));
    }
  }
  const unit::ExecSettings& exec = service.exec;
  if (!exec.dynamic_user) {
    if (!exec.user.empty() && !HasAccount(tree, "etc/passwd", exec.user)) {
      say(fmt::format("there is no user {}", exec.user));
    }
    if (!exec.group.empty() && !HasAccount(tree, "etc/group", exec.group)) {
      say(fmt::format("there is no group {}", exec.group));
    }
  }
  for (const std::string& group : exec.supplementary_groups) {
    if (!HasAccount(tree, "etc/group", group)) say(fmt::format("there is no group {}", group));
  }
  return reasons;
}

}  // namespace inro::image
