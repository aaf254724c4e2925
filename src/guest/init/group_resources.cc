#include "guest/init/group_resources.h"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/sandbox/device_filter.h"
#include "sys/file_source.h"
#include "unit/text.h"

namespace inro::guest {
namespace {

constexpr unsigned kDefaultTasksPermyriad = 1500;  // 15 % of what the system allows

int WriteFile(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return errno;
  return ::write(fd.get(), text.data(), text.size()) < 0 ? errno : 0;
}

std::uint64_t ReadNumber(const char* path, std::uint64_t otherwise) {
  const auto text = sys::DiskFileSource().Read(path, 64);
  if (!text) return otherwise;
  return unit::ParseNumber<std::uint64_t>(unit::Trim(*text)).value_or(otherwise);
}

std::uint64_t MostTasks() {
  constexpr std::uint64_t kDefault = 32768;
  return std::min(ReadNumber("/proc/sys/kernel/pid_max", kDefault),
                  ReadNumber("/proc/sys/kernel/threads-max", kDefault));
}

std::uint64_t PhysicalMemory() {
  struct sysinfo info{};
  ::sysinfo(&info);
  return std::uint64_t{info.totalram} * info.mem_unit;
}

// "max", or the number that the limit comes to.
std::string LimitText(const unit::ResourceLimit& limit, std::uint64_t (*whole)()) {
  if (limit.value) return std::to_string(*limit.value);
  if (!limit.permyriad) return "max";
  return std::to_string(
      static_cast<std::uint64_t>(static_cast<__uint128_t>(whole()) * *limit.permyriad / 10'000));
}

std::string SetText(const std::vector<unsigned>& numbers) {
  std::string text;
  for (const unsigned number : numbers) {
    if (!text.empty()) text += ',';
    text += std::to_string(number);
  }
  return text;
}

class Writer {
 public:
  Writer(const std::string& root, const std::string& path, std::vector<std::string>& notes)
      : root_(root), path_(path), notes_(notes) {}

  // The file's name begins with its controller's.
  int TryWrite(std::string_view file, const std::string& text) const {
    const std::string path = path_ + "/" + std::string(file);
    const int error = WriteFile(path, text);
    // The files of a controller are there once it is on.
    if (error != ENOENT) return error;
    const std::string_view controllers[] = {file.substr(0, file.find('.'))};
    EnableControllers(root_, path_, controllers);
    return WriteFile(path, text);
  }
  void Write(std::string_view file, const std::string& text) const {
    const int error = TryWrite(file, text);
    if (error != 0) {
      notes_.push_back(fmt::format("{} is not set to {}: {}", file, text, std::strerror(error)));
    }
  }

 private:
  const std::string& root_;
  const std::string& path_;
  std::vector<std::string>& notes_;
};

void ApplyDevices(const std::string& path, const unit::ResourceSettings& resources,
                  std::vector<std::string>& notes) {
  const UniqueFd group(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string devices = sys::DiskFileSource().Read("/proc/devices", 64 << 10).value_or("");
  const auto done = sandbox::AttachDeviceProgram(
      group.get(), sandbox::DeviceProgram(sandbox::ResolveDevices(resources, devices)));
  if (!done) notes.push_back("DevicePolicy= is not enforced: " + done.error().ToString());
}

}  // namespace

void EnableControllers(const std::string& root, const std::string& path,
                       std::span<const std::string_view> controllers) {
  for (std::size_t end = root.size(); end < path.size(); end = path.find('/', end + 1)) {
    if (end == std::string::npos) return;
    const std::string file = path.substr(0, end) + "/cgroup.subtree_control";
    // One by one: a controller that this kernel does not have must not take the others with it.
    for (const std::string_view controller : controllers) {
      WriteFile(file, "+" + std::string(controller));
    }
  }
}

bool HasResources(const unit::ResourceSettings& resources) {
  return resources.memory_min || resources.memory_low || resources.memory_high ||
         resources.memory_max || resources.memory_swap_max || resources.tasks_max ||
         resources.cpu_quota_permyriad || resources.cpu_weight || resources.io_weight ||
         !resources.allowed_cpus.empty() || !resources.allowed_memory_nodes.empty() ||
         sandbox::NeedsDeviceFilter(resources);
}

void ApplyResources(const std::string& root, const std::string& path,
                    const unit::ResourceSettings& resources, bool of_unit,
                    std::vector<std::string>& notes) {
  const Writer writer(root, path, notes);
  if (resources.tasks_max) {
    writer.Write("pids.max", LimitText(*resources.tasks_max, &MostTasks));
  } else if (of_unit) {
    // Nobody asked for it: a kernel without the controller is no news.
    writer.TryWrite("pids.max", LimitText({std::nullopt, kDefaultTasksPermyriad}, &MostTasks));
  }
  if (!HasResources(resources)) return;
  const std::pair<std::string_view, const std::optional<unit::ResourceLimit>&> memory[] = {
      {"memory.min", resources.memory_min},
      {"memory.low", resources.memory_low},
      {"memory.high", resources.memory_high},
      {"memory.max", resources.memory_max},
      {"memory.swap.max", resources.memory_swap_max}};
  for (const auto& [file, limit] : memory) {
    if (limit) writer.Write(file, LimitText(*limit, &PhysicalMemory));
  }
  if (resources.cpu_quota_permyriad) {
    const auto period = std::clamp<std::int64_t>(resources.cpu_quota_period.count(), 1000, 1000000);
    const std::int64_t quota = std::max<std::int64_t>(
        period * std::int64_t{*resources.cpu_quota_permyriad} / 10'000, 1000);
    writer.Write("cpu.max", fmt::format("{} {}", quota, period));
  }
  if (resources.cpu_weight) {
    if (*resources.cpu_weight == 0) {
      writer.Write("cpu.idle", "1");
    } else {
      writer.Write("cpu.weight", std::to_string(*resources.cpu_weight));
    }
  }
  if (resources.io_weight) {
    writer.Write("io.weight", "default " + std::to_string(*resources.io_weight));
  }
  if (!resources.allowed_cpus.empty()) {
    writer.Write("cpuset.cpus", SetText(resources.allowed_cpus));
  }
  if (!resources.allowed_memory_nodes.empty()) {
    writer.Write("cpuset.mems", SetText(resources.allowed_memory_nodes));
  }
  if (sandbox::NeedsDeviceFilter(resources)) ApplyDevices(path, resources, notes);
}

}  // namespace inro::guest
