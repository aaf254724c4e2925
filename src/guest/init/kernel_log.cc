#include "guest/init/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace inro::guest {

void KernelLog::Open() {
  const UniqueFd setting(::open("/proc/sys/kernel/printk_devkmsg", O_WRONLY | O_CLOEXEC));
  if (setting && ::write(setting.get(), "on\n", 3) != 3) ++dropped_;
  fd_.reset(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

void KernelLog::Write(LogLevel level, std::string_view text) { WriteAs(level, "inro-init", text); }

void KernelLog::WriteAs(LogLevel level, std::string_view identifier, std::string_view text) {
  constexpr int kFacilityDaemon = 3 << 3;
  char record[kMaxRecord];
  const int prefix = std::snprintf(
      record, sizeof record, "<%d>%.*s: ", kFacilityDaemon | static_cast<int>(level),
      static_cast<int>(std::min<std::size_t>(identifier.size(), 64)), identifier.data());
  if (prefix <= 0) return;
  auto length = static_cast<std::size_t>(prefix);
  for (const char c : text) {
    if (length + 1 >= sizeof record) break;
    // A line break would split the record; other control bytes would be escaped to four bytes.
    record[length++] = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  record[length++] = '\n';
  if (!fd_ || ::write(fd_.get(), record, length) < 0) ++dropped_;
}

}  // namespace inro::guest
