#include "guest/init/boot_conf.h"

#include "unit/text.h"
#include "unit/value.h"

namespace inro::guest {

std::string BootConf::Executable() const {
  if (init == "systemd") return "/usr/lib/systemd/systemd";
  return init.starts_with('/') ? init : "";
}

BootConf ParseBootConf(std::string_view text) {
  BootConf conf;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = unit::Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const std::string_view key = unit::Trim(line.substr(0, equals));
    const std::string_view value = unit::Trim(line.substr(equals + 1));
    if (key == "init") conf.init = value;
    if (key == "overlay") conf.overlay = unit::ParseBool(value).value_or(conf.overlay);
  }
  return conf;
}

void ApplyCommandLine(const unit::KernelCommandLine& line, BootConf& conf) {
  if (const auto init = line.Last("inro.init")) conf.init = *init;
  conf.overlay = line.Flag("inro.overlay", conf.overlay);
}

}  // namespace inro::guest
