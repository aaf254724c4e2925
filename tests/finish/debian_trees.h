// Real trees for the tests of this folder, fetched once a process.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/progress.h"
#include "image/source/apt.h"

namespace inro::image {

// The packages of the example definition, and the services that users add first.
inline const std::vector<std::string> kGuestPackages = {"usr-is-merged", "systemd",  "systemd-sysv",
                                                        "chrony",        "iptables", "kmod",
                                                        "bash",          "dash",     "crun"};
inline const std::vector<std::string> kEssentialPackages = {"base-files",     "base-passwd",
                                                            "bash",           "bsdutils",
                                                            "coreutils",      "dash",
                                                            "debianutils",    "diffutils",
                                                            "dpkg",           "findutils",
                                                            "grep",           "gzip",
                                                            "hostname",       "init-system-helpers",
                                                            "libc-bin",       "login",
                                                            "ncurses-base",   "ncurses-bin",
                                                            "perl-base",      "sed",
                                                            "sysvinit-utils", "tar",
                                                            "util-linux"};
inline const std::vector<std::string> kServicePackages = {
    "nginx-light", "redis-server", "openssh-server", "rsyslog", "cron", "dbus", "udev"};

inline std::vector<std::string> Join(std::vector<std::string> a,
                                     const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline AptOptions OptionsFor(const std::string& suite, std::vector<std::string> packages) {
  AptOptions options;
  options.suite = suite;
  options.packages = std::move(packages);
  return options;
}

// The tree, or nothing and a message why: no mirror can be reached.
inline Result<SourceTree> Fetch(const std::string& suite,
                                const std::vector<std::string>& packages) {
  SilentProgress progress;
  return FetchApt(OptionsFor(suite, packages), progress);
}

}  // namespace inro::image
