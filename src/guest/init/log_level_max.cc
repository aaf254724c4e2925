#include "guest/init/log_level_max.h"

#include <sys/stat.h>
#include <unistd.h>

#include "protocol/log_level_link.h"

namespace inro::guest {

void SetLogLevelMax(std::string_view unit, int level, const std::string& root) {
  const std::string folder = root + std::string(protocol::kUnitsFolder);
  const std::string link = protocol::LogLevelLink(folder, unit);
  const std::string wanted = level < kAllLogLevels ? std::to_string(level) : "";
  // What is right already stays: the collector may look at any time.
  char found = 0;
  const ssize_t size = ::readlink(link.c_str(), &found, 1);
  if (std::string_view(&found, size == 1 ? 1 : 0) == wanted) return;
  ::unlink(link.c_str());
  if (wanted.empty()) return;
  // Without it the collector takes everything: the unit runs all the same.
  ::mkdir(folder.c_str(), 0755);
  static_cast<void>(::symlink(wanted.c_str(), link.c_str()) == 0);
}

}  // namespace inro::guest
