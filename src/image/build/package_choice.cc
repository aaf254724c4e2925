#include "image/build/package_choice.h"

#include <algorithm>
#include <set>

namespace inro::image {
namespace {

// Packages that a tree needs although none of the definition's may ask for them. `init` empty: for
// every init. `scripts`: also where maintainer scripts run.
struct NeededPackage {
  std::string_view name;
  std::string_view init;
  std::string_view why;
};
constexpr NeededPackage kNeeded[] = {
    {"base-files", "", "the folders of a root file system, os-release"},
    {"base-passwd", "", "the distribution's own users and groups"},
    {"systemd", "systemd", "PID 1, journald, tmpfiles"},
};

// Packages that others depend on only for their maintainer scripts or for administration by hand.
// Without scripts nothing in a guest calls them, so they are passed over unless asked for by name.
constexpr std::string_view kForScriptsOnly[] = {
    "adduser",     "apt",           "cdebconf",     "debconf",
    "debianutils", "dpkg",          "ucf",          "init-system-helpers",
    "initscripts", "insserv",       "install-info", "libdebconfclient0",
    "lsb-base",    "mawk",          "original-awk", "gawk",
    "passwd",      "perl-base",     "perl",         "sensible-utils",
    "tar",         "usr-is-merged", "usrmerge",     "sysvinit-utils",
};

// What init = systemd has and no other init wants.
constexpr std::string_view kOnlyForSystemd[] = {
    "systemd", "systemd-sysv", "libpam-systemd", "dbus-user-session", "systemd-timesyncd", "udev",
};

const std::vector<std::string>* ListsOf(const Definition& d, std::string_view init, int index) {
  switch (index) {
    case 0:
      return &d.source.packages;
    case 1:
      return d.image.init == init ? &d.image.packages : nullptr;
    default:
      return d.initrd.init == init ? &d.initrd.packages : nullptr;
  }
}

}  // namespace

PackageChoice ChoosePackages(const Definition& definition, std::string_view init) {
  std::set<std::string> wanted;
  for (int index = 0; index < 3; ++index) {
    if (const auto* list = ListsOf(definition, init, index))
      wanted.insert(list->begin(), list->end());
  }
  const std::set<std::string> named = wanted;
  for (const NeededPackage& needed : kNeeded) {
    if (needed.init.empty() || needed.init == init) wanted.emplace(needed.name);
  }
  std::set<std::string> exclude(definition.source.exclude.begin(), definition.source.exclude.end());
  if (definition.source.kind == SourceKind::kApt) {
    for (std::string_view name : kForScriptsOnly) {
      if (!named.contains(std::string(name))) exclude.emplace(name);
    }
    if (init != "systemd") {
      for (std::string_view name : kOnlyForSystemd) {
        if (!named.contains(std::string(name))) exclude.emplace(name);
      }
    }
  }
  for (const std::string& name : definition.source.exclude) wanted.erase(name);
  return {{wanted.begin(), wanted.end()}, {exclude.begin(), exclude.end()}};
}

int LineOfPackage(const Definition& definition, std::string_view package) {
  struct List {
    std::string_view key;
    const std::vector<std::string>* list;
  };
  for (const List& row : {List{"source.packages", &definition.source.packages},
                          List{"source.exclude", &definition.source.exclude},
                          List{"image.packages", &definition.image.packages},
                          List{"initrd.packages", &definition.initrd.packages}}) {
    if (std::find(row.list->begin(), row.list->end(), package) != row.list->end()) {
      return definition.LineOfElement(row.key, *row.list, package);
    }
  }
  if (definition.kernel.package == package) return definition.LineOf("kernel.package");
  return 0;
}

}  // namespace inro::image
