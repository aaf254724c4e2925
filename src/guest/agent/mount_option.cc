#include "guest/agent/mount_option.h"

#include <sys/mount.h>

#include <string_view>

namespace inro::guest::agent {
namespace {

struct OptionRow {
  std::string_view word;
  unsigned long set;
  unsigned long clear;
};

constexpr OptionRow kOptions[] = {
    {"defaults", 0, 0},
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"remount", MS_REMOUNT, 0},
    {"noatime", MS_NOATIME, 0},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"relatime", MS_RELATIME, 0},
    {"norelatime", 0, MS_RELATIME},
    {"strictatime", MS_STRICTATIME, 0},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"bind", MS_BIND, 0},
    {"rbind", MS_BIND | MS_REC, 0},
    {"private", MS_PRIVATE, 0},
    {"rprivate", MS_PRIVATE | MS_REC, 0},
    {"shared", MS_SHARED, 0},
    {"rshared", MS_SHARED | MS_REC, 0},
    {"slave", MS_SLAVE, 0},
    {"rslave", MS_SLAVE | MS_REC, 0},
};

const OptionRow* Find(std::string_view word) {
  for (const OptionRow& row : kOptions) {
    if (row.word == word) return &row;
  }
  return nullptr;
}

}  // namespace

MountOptions ParseMountOptions(const std::vector<std::string>& words) {
  MountOptions options;
  for (const std::string& word : words) {
    if (const OptionRow* row = Find(word)) {
      options.flags = (options.flags | row->set) & ~row->clear;
      continue;
    }
    if (word.empty()) continue;
    if (!options.data.empty()) options.data += ',';
    options.data += word;
  }
  return options;
}

}  // namespace inro::guest::agent
