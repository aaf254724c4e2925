#include <fnmatch.h>

#include <map>

#include "unit/install.h"
#include "unit/text.h"

namespace inro::unit {

Presets Presets::Read(const sys::FileSource& files) {
  constexpr std::size_t kMaxBytes = 1 << 20;
  constexpr std::size_t kMaxRules = 8192;
  std::map<std::string, std::string> chosen;  // file name -> path; the first folder wins
  for (const char* base : {"/etc", "/run", "/usr/local/lib", "/usr/lib"}) {
    const std::string folder = std::string(base) + "/systemd/system-preset";
    for (const std::string& file : files.List(folder)) {
      if (file.ends_with(".preset")) chosen.try_emplace(file, folder + "/" + file);
    }
  }
  Presets presets;
  for (const auto& [file, path] : chosen) {
    const auto text = files.Read(path, kMaxBytes);
    if (!text) continue;
    std::string_view rest = *text;
    while (!rest.empty() && presets.rules_.size() < kMaxRules) {
      const std::size_t end = rest.find('\n');
      const std::string_view line = Trim(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (line.empty() || line.front() == '#' || line.front() == ';') continue;
      const auto words = SplitWords(line);
      if (words.size() < 2) continue;
      Rule rule{Action::kEnable, std::string(words[1]), {}};
      if (words[0] == "disable") {
        rule.action = Action::kDisable;
      } else if (words[0] == "ignore") {
        rule.action = Action::kIgnore;
      } else if (words[0] != "enable") {
        continue;
      }
      for (std::size_t i = 2; i < words.size(); ++i) rule.instances.emplace_back(words[i]);
      presets.rules_.push_back(std::move(rule));
    }
  }
  return presets;
}

Presets::Choice Presets::For(std::string_view name) const {
  const std::string whole(name);
  const std::string pattern_of = TemplateOf(name);
  for (const Rule& rule : rules_) {
    const bool matches = ::fnmatch(rule.pattern.c_str(), whole.c_str(), FNM_NOESCAPE) == 0;
    if (matches) {
      return {rule.action, IsTemplate(name) ? rule.instances : std::vector<std::string>()};
    }
    // "enable foo@.service a b" is a rule for foo@a.service and foo@b.service.
    if (pattern_of.empty() || rule.pattern != pattern_of) continue;
    for (const std::string& instance : rule.instances) {
      if (instance == *SplitName(name).instance) return {rule.action, {}};
    }
  }
  return {};
}

}  // namespace inro::unit
