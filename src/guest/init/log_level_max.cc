#include "guest/init/log_level_max.h"

#include <sys/stat.h>
#include <unistd.h>

#include "protocol/log_level_link.h"

namespace inro::guest {

void SetLogLevelMax(std::string_view unit, int level, const std::string& root) {
  const std::string folder = root + std::string(protocol::kUnitsFolder);
  const std::string link = protocol::LogLevelLink(folder, unit);
  // Without it the collector takes everything: the unit runs all the same.
  ::unlink(link.c_str());
  if (level >= kAllLogLevels) return;
  ::mkdir(folder.c_str(), 0755);
  static_cast<void>(::symlink(std::to_string(level).c_str(), link.c_str()) == 0);
}

}  // namespace inro::guest
