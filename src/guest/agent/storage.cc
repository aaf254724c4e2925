#include "guest/agent/storage.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <optional>

#include "guest/agent/mount_option.h"
#include "sys/file.h"

namespace inro::guest::agent {
namespace {

struct Context {
  sys::Mounts& mounts;
  const std::string& sysfs;
};

// The value of the last "KEY=..." among the words, which all are taken out.
std::optional<std::string> TakeOption(std::vector<std::string>& words, std::string_view key) {
  std::optional<std::string> value;
  std::erase_if(words, [&](const std::string& word) {
    if (!word.starts_with(key) || word.size() <= key.size() || word[key.size()] != '=') {
      return false;
    }
    value = word.substr(key.size() + 1);
    return true;
  });
  return value;
}

Result<std::uint64_t> ReadNumber(std::string_view key, std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return FailAs(ErrorKind::kBadInput, "{}={} is not a number", key, text);
}

// "2Mi", "1G", "65536": powers of 1024.
Result<std::uint64_t> ReadSize(std::string_view key, std::string_view text) {
  std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
  const std::string_view unit = text.substr(digits.size());
  INRO_ASSIGN(const std::uint64_t value, ReadNumber(key, digits, 10));
  constexpr std::string_view kUnits = "KMGT";
  if (unit.empty()) return value;
  const std::size_t power = kUnits.find(static_cast<char>(unit[0] & ~0x20));
  const std::string_view tail = unit.substr(1);
  if (power == std::string_view::npos ||
      (!tail.empty() && tail != "i" && tail != "B" && tail != "iB") ||
      value >> (64 - 10 * (power + 1)) != 0) {
    return FailAs(ErrorKind::kBadInput, "{}={} is not a size", key, text);
  }
  return value << (10 * (power + 1));
}

// The group owns the folder, and what is made in it is the group's too.
Result<> GiveToGroup(const std::string& path, const std::string& group) {
  INRO_ASSIGN(const std::uint64_t gid, ReadNumber("fsgid", group, 10));
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return FailErrno("stat {}", path);
  if (::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(gid)) != 0) {
    return FailErrno("give {} to group {}", path, gid);
  }
  if (::chmod(path.c_str(), (status.st_mode & 07777) | S_ISGID) != 0) {
    return FailErrno("chmod {}", path);
  }
  return {};
}

Result<bool> MountStorage(Context& context, const protocol::Storage& storage,
                          const std::vector<std::string>& words) {
  const MountOptions options = ParseMountOptions(words);
  INRO_TRY(sys::MakeDirectories(storage.mount_point));
  INRO_TRY(context.mounts.Mount(storage.source, storage.mount_point, storage.fstype, options.flags,
                                options.data));
  return true;
}

// Pages are set aside first and counted after: the kernel may give fewer than it was asked for.
Result<> ReserveHugePages(const std::string& sysfs, std::vector<std::string>& words) {
  const auto page_text = TakeOption(words, "pagesize");
  const auto size_text = TakeOption(words, "size");
  if (!page_text || !size_text) {
    return FailAs(ErrorKind::kBadInput, "hugetlbfs needs the options pagesize and size");
  }
  INRO_ASSIGN(const std::uint64_t page, ReadSize("pagesize", *page_text));
  INRO_ASSIGN(const std::uint64_t size, ReadSize("size", *size_text));
  if (page < 1024) return FailAs(ErrorKind::kBadInput, "pagesize={} is too small", *page_text);
  const std::string path =
      fmt::format("{}/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages", sysfs, page / 1024);
  const std::string wanted = std::to_string(size / page);
  INRO_TRY(sys::WriteFile(path, wanted));
  INRO_ASSIGN(std::string got, sys::ReadFile(path));
  while (got.ends_with('\n')) got.pop_back();
  if (got != wanted) return Fail("{}: {} pages were asked for, {} given", path, wanted, got);
  words.push_back("pagesize=" + std::to_string(page));
  return {};
}

Result<bool> AddEphemeral(Context& context, const protocol::Storage& storage) {
  std::vector<std::string> words = storage.options;
  const auto group = TakeOption(words, "fsgid");
  if (storage.fstype == "hugetlbfs") INRO_TRY(ReserveHugePages(context.sysfs, words));
  INRO_TRY(MountStorage(context, storage, words));
  if (group) INRO_TRY(GiveToGroup(storage.mount_point, *group));
  return true;
}

Result<bool> AddLocal(Context&, const protocol::Storage& storage) {
  std::vector<std::string> words = storage.options;
  const auto group = TakeOption(words, "fsgid");
  const auto mode_text = TakeOption(words, "mode");
  INRO_TRY(sys::MakeDirectories(storage.mount_point));
  if (mode_text) {
    INRO_ASSIGN(const std::uint64_t mode, ReadNumber("mode", *mode_text, 8));
    if (::chmod(storage.mount_point.c_str(), static_cast<mode_t>(mode & 07777)) != 0) {
      return FailErrno("chmod {}", storage.mount_point);
    }
  }
  if (group) INRO_TRY(GiveToGroup(storage.mount_point, *group));
  return false;
}

Result<bool> AddShared(Context& context, const protocol::Storage& storage) {
  return MountStorage(context, storage, storage.options);
}

struct Driver {
  std::string_view name;
  Result<bool> (*add)(Context&, const protocol::Storage&);
};

constexpr Driver kDrivers[] = {
    {"9p", AddShared},
    {"ephemeral", AddEphemeral},
    {"local", AddLocal},
    {"virtio-fs", AddShared},
};

}  // namespace

std::vector<std::string> StorageDrivers() {
  std::vector<std::string> names;
  for (const Driver& driver : kDrivers) names.emplace_back(driver.name);
  return names;
}

Result<bool> AddStorage(sys::Mounts& mounts, const std::string& sysfs,
                        const protocol::Storage& storage) {
  if (!storage.mount_point.starts_with('/')) {
    return FailAs(ErrorKind::kBadInput, "mount point \"{}\" is not an absolute path",
                  storage.mount_point);
  }
  if (storage.fs_group) {
    return FailAs(ErrorKind::kBadInput, "fs_group of a {} storage is not supported",
                  storage.driver);
  }
  for (const Driver& driver : kDrivers) {
    if (driver.name != storage.driver) continue;
    Context context{mounts, sysfs};
    Result<bool> mounted = driver.add(context, storage);
    if (mounted) return mounted;
    return std::unexpected(
        mounted.error().Wrap(fmt::format("{} storage at {}", storage.driver, storage.mount_point)));
  }
  return FailAs(ErrorKind::kBadInput, "no storage driver \"{}\"", storage.driver);
}

}  // namespace inro::guest::agent
