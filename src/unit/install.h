// What `systemctl enable`, `disable`, `mask` and `unmask` change on the disk, from the [Install]
// sections of unit files (systemd.unit(5), systemctl(1)); whether a unit is enabled; and what
// presets say (systemd.preset(5)). Nothing here writes: the caller makes and removes the links.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/file_source.h"
#include "unit/loader.h"

namespace inro::unit {

// One symbolic link, to be made (`target` set; one that is there is replaced) or removed.
struct LinkChange {
  std::string path;
  std::string target;  // absolute; empty: remove
};

struct InstallPlan {
  std::vector<LinkChange> links;   // in the order to do them; none when all is as wanted
  std::vector<LinkChange> wanted;  // of PlanEnable: every link that it means, also those there are
  std::vector<std::string> notes;
  bool has_install_section = false;  // of any unit named
};

// Where the changes go: "/etc/systemd/system", or "/run/systemd/system" for --runtime.
struct InstallOptions {
  std::string folder = "/etc/systemd/system";
  std::vector<std::string> search_path = DefaultSearchPath();
};

// Errors: kNotFound for a unit that has no file, kBadInput for one that is masked, generated or is
// no unit's name, or a link that would replace a file.
Result<InstallPlan> PlanEnable(const sys::FileSource& files, const std::vector<std::string>& names,
                               const InstallOptions& options = {});
Result<InstallPlan> PlanDisable(const sys::FileSource& files, const std::vector<std::string>& names,
                                const InstallOptions& options = {});
Result<InstallPlan> PlanMask(const sys::FileSource& files, const std::vector<std::string>& names,
                             const InstallOptions& options = {});
Result<InstallPlan> PlanUnmask(const sys::FileSource& files, const std::vector<std::string>& names,
                               const InstallOptions& options = {});

// Path of the unit's file, or of its template's; an alias is followed. Empty: there is none, or it
// is masked.
std::string UnitFilePath(const sys::FileSource& files, const std::string& name,
                         const std::vector<std::string>& search_path = DefaultSearchPath());

// The word of `systemctl is-enabled`: enabled, enabled-runtime, linked, alias, masked,
// masked-runtime, static, indirect, disabled, generated, transient; "not-found" when there is no
// file.
std::string_view UnitFileState(const sys::FileSource& files, const std::string& name,
                               const std::vector<std::string>& search_path = DefaultSearchPath());

// The rules of *.preset files; read once, asked often.
class Presets {
 public:
  // From /etc, /run, /usr/local/lib and /usr/lib below systemd/system-preset.
  static Presets Read(const sys::FileSource& files);

  enum class Action { kEnable, kDisable, kIgnore };
  struct Choice {
    Action action = Action::kEnable;     // no rule matches: enable
    std::vector<std::string> instances;  // of a template that is enabled: its instances
  };
  // By the first rule that matches the name.
  Choice For(std::string_view name) const;

 private:
  struct Rule {
    Action action;
    std::string pattern;
    std::vector<std::string> instances;
  };
  std::vector<Rule> rules_;
};

}  // namespace inro::unit
