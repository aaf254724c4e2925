#include "guest/control/process_table.h"

#include <algorithm>
#include <charconv>

#include "sys/directory.h"
#include "sys/file.h"

namespace inro::guest::control {
namespace {

// Calls `take` with each line of a text.
template <class F>
void ForEachLine(std::string_view text, F take) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    take(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::string_view TrimLeft(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

std::optional<std::uint64_t> LeadingNumber(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<Process> ReadProcess(const std::string& folder, int pid) {
  const auto status = sys::ReadFile(folder + "/status");
  if (!status) return std::nullopt;
  Process process;
  process.pid = pid;
  ForEachLine(*status, [&](std::string_view line) {
    if (line.starts_with("Name:")) process.name = TrimLeft(line.substr(5));
    if (line.starts_with("State:")) {
      const std::string_view letter = TrimLeft(line.substr(6));
      if (!letter.empty()) process.state = letter.front();
    }
    if (line.starts_with("Uid:")) {
      // Real, effective, saved, file system; the second one counts.
      std::string_view rest = TrimLeft(line.substr(4));
      rest = TrimLeft(rest.substr(std::min(rest.find('\t'), rest.size())));
      process.uid = static_cast<std::uint32_t>(LeadingNumber(rest).value_or(0));
    }
  });
  // A kernel thread has no memory of its own; neither has a zombie, which has a unit or a parent.
  const auto rss = NumberAfter(*status, "VmRSS:");
  process.rss_kib = rss.value_or(0);
  const auto kernel = NumberAfter(*status, "Kthread:");
  process.kernel_thread = kernel ? *kernel == 1
                                 : !rss && process.state != 'Z' &&
                                       sys::ReadFile(folder + "/cmdline").value_or("").empty();
  process.unit = UnitOfCgroup(sys::ReadFile(folder + "/cgroup").value_or(""));
  return process;
}

}  // namespace

std::optional<std::uint64_t> NumberAfter(std::string_view text, std::string_view key) {
  std::optional<std::uint64_t> number;
  ForEachLine(text, [&](std::string_view line) {
    if (!number && line.starts_with(key)) number = LeadingNumber(TrimLeft(line.substr(key.size())));
  });
  return number;
}

std::string UnitOfCgroup(std::string_view cgroup) {
  std::string unit;
  ForEachLine(cgroup, [&](std::string_view line) {
    // hierarchy-ID:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) return;
    std::string_view path = line.substr(second + 1);
    while (!path.empty()) {
      const std::size_t slash = path.find('/');
      const std::string_view part = path.substr(0, slash);
      for (const std::string_view suffix : {".service", ".scope", ".mount", ".socket"}) {
        if (part.size() > suffix.size() && part.ends_with(suffix)) unit = part;
      }
      if (slash == std::string_view::npos) break;
      path.remove_prefix(slash + 1);
    }
  });
  return unit;
}

Result<std::vector<Process>> ReadProcesses(const std::string& proc) {
  INRO_ASSIGN(const std::vector<std::string> names, sys::ListDirectory(proc));
  std::vector<Process> processes;
  for (const std::string& name : names) {
    const auto pid = LeadingNumber(name);
    if (!pid || name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (auto process = ReadProcess(proc + "/" + name, static_cast<int>(*pid))) {
      processes.push_back(std::move(*process));
    }
  }
  std::ranges::sort(processes, {}, &Process::pid);
  return processes;
}

Resident ReadResident(int pid, const std::string& proc) {
  const auto text = sys::ReadFile(fmt::format("{}/{}/smaps_rollup", proc, pid));
  if (!text) return {};
  return {NumberAfter(*text, "Rss:").value_or(0), NumberAfter(*text, "Pss:").value_or(0)};
}

Result<std::uint64_t> ReadMemAvailableKib(const std::string& proc) {
  INRO_ASSIGN(const std::string text, sys::ReadFile(proc + "/meminfo"));
  const auto available = NumberAfter(text, "MemAvailable:");
  if (!available) return Fail("read {}/meminfo: no MemAvailable in it", proc);
  return *available;
}

}  // namespace inro::guest::control
