#include "guest/sandbox/mount_list.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "sys/file.h"

namespace inro::guest::sandbox {
namespace {

// Spaces and the like are written as "\040".
std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> ParseMounts(std::string_view mountinfo) {
  std::vector<std::string> mounts;
  while (!mountinfo.empty()) {
    const std::size_t end = mountinfo.find('\n');
    std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
    std::string_view point;
    for (int field = 0; field < 5 && !line.empty(); ++field) {
      const std::size_t space = line.find(' ');
      point = field == 4 ? line.substr(0, space) : std::string_view();
      line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    }
    if (!point.starts_with('/')) continue;
    std::string path = Unescape(point);
    if (std::ranges::count(mounts, path) == 0) mounts.push_back(std::move(path));
  }
  return mounts;
}

Result<std::vector<std::string>> ListMounts() {
  INRO_ASSIGN(const std::string text, sys::ReadFile("/proc/self/mountinfo", 4 << 20));
  return ParseMounts(text);
}

bool IsMountRoot(const std::string& path) {
  struct statx info{};
  return ::syscall(SYS_statx, AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace inro::guest::sandbox
