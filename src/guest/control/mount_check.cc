#include "guest/control/mount_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace inro::guest::control {
namespace {

struct Required {
  std::string_view point;
  std::string_view types;  // any of these, separated by "|"
};

constexpr Required kRequired[] = {
    {"/", "overlay|bound-rootfs|ext4|erofs|xfs|squashfs|tmpfs|btrfs"},  // never rootfs: pivot_root
                                                                        // must work
    {"/proc", "proc"},
    {"/sys", "sysfs"},
    {"/sys/fs/cgroup", "cgroup2|tmpfs"},
    {"/dev", "devtmpfs|tmpfs"},
    {"/dev/pts", "devpts"},
    {"/dev/shm", "tmpfs"},
    {"/run", "tmpfs"},
    {"/tmp", "tmpfs"},
};

bool OneOf(std::string_view type, std::string_view types) {
  while (true) {
    const std::size_t bar = types.find('|');
    if (types.substr(0, bar) == type) return true;
    if (bar == std::string_view::npos) return false;
    types.remove_prefix(bar + 1);
  }
}

std::string Unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '\\' && i + 3 < text.size() + 0 &&
        std::ranges::all_of(text.substr(i + 1, 3), [](char c) { return c >= '0' && c <= '7'; });
    if (!escape) {
      plain += text[i];
      continue;
    }
    plain +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
    i += 3;
  }
  return plain;
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t space = line.find(' ');
    if (space != 0) words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) break;
    line.remove_prefix(space + 1);
  }
  return words;
}

}  // namespace

std::vector<Mount> ParseMountInfo(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = Words(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    // id parent major:minor root point options [tags...] - type source options
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 7 || words.end() - dash < 2) continue;
    std::string type(*(dash + 1));
    // The kernel's own root is its own parent; a flat initrd's root is that, bound onto itself.
    if (type == "rootfs" && words[0] != words[1]) type = "bound-rootfs";
    mounts.push_back({Unescaped(words[4]), std::move(type)});
  }
  return mounts;
}

MountCheck CheckMounts(const std::vector<Mount>& mounts) {
  std::string found;
  std::string missing;
  for (const Required& required : kRequired) {
    // The last mount on a point is the visible one.
    const auto mount = std::find_if(mounts.rbegin(), mounts.rend(), [&](const Mount& candidate) {
      return candidate.point == required.point;
    });
    if (mount == mounts.rend()) {
      missing += fmt::format("{}{} is not mounted", missing.empty() ? "" : ", ", required.point);
    } else if (!OneOf(mount->type, required.types)) {
      missing +=
          fmt::format("{}{} is {}", missing.empty() ? "" : ", ", required.point, mount->type);
    } else {
      found += fmt::format("{}{} {}", found.empty() ? "" : ", ", required.point, mount->type);
    }
  }
  return {missing.empty(), missing.empty() ? found : missing};
}

}  // namespace inro::guest::control
