#include "guest/logs/process_unit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/unique_fd.h"
#include "guest/logs/record.h"

namespace inro::guest::logs {
namespace {

bool IsUnitName(std::string_view name) {
  constexpr std::string_view kSuffixes[] = {".service", ".scope", ".socket",
                                            ".mount",   ".swap",  ".timer"};
  return std::ranges::any_of(kSuffixes,
                             [&](std::string_view suffix) { return name.ends_with(suffix); });
}

}  // namespace

std::string UnitOfControlGroup(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    for (int colon = 0; colon < 2; ++colon) {
      const std::size_t at = line.find(':');
      line.remove_prefix(at == std::string_view::npos ? line.size() : at + 1);
    }
    while (!line.empty()) {
      const std::string_view name = line.substr(0, line.find('/'));
      line.remove_prefix(std::min(name.size() + 1, line.size()));
      if (name.empty() || name.ends_with(".slice")) continue;
      if (IsUnitName(name)) return std::string(name.substr(0, kMaxName));
      break;
    }
  }
  return {};
}

std::string ProcessUnits::ReadFromProc(pid_t pid) {
  char path[40] = "/proc/";
  char* end = std::to_chars(path + 6, path + 24, pid).ptr;
  constexpr std::string_view kFile = "/cgroup";
  *std::copy(kFile.begin(), kFile.end(), end) = 0;
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  char buffer[2048];
  const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
  return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : std::string();
}

std::string_view ProcessUnits::Find(pid_t pid, std::uint64_t now_us) {
  if (pid <= 0) return {};
  Entry& entry = entries_[static_cast<std::size_t>(pid) % entries_.size()];
  if (entry.pid == pid && now_us - entry.read_us < kFresh) return entry.unit;
  std::string unit = UnitOfControlGroup(reader_(pid));
  // Of a process that is gone, what was known before is the best there is.
  if (unit.empty() && entry.pid == pid) return entry.unit;
  entry = {pid, now_us, std::move(unit)};
  return entry.unit;
}

}  // namespace inro::guest::logs
