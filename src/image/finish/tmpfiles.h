// tmpfiles.d(5) at build time: the lines about paths that last (not /run, /dev, /tmp, /proc, /sys).
// What is done: d D v q Q (directories), f F w+ texts, L L+ C (links, copies), z and m (owner and
// mode). What cannot be done at build time is skipped: cleaning (r R x X e), devices, ACLs and
// attributes (a A h H t T), credentials (^), specifiers (%).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/finish/rule.h"

namespace inro::image {

struct TmpfilesLine {
  char type = 'd';
  bool plus = false;        // "+": replaces what is there
  bool boot_only = false;   // "!"
  bool minus = false;       // "-": failure is ignored
  bool credential = false;  // "^"
  std::string path;         // absolute
  std::optional<std::uint32_t> mode;
  std::string user;  // empty: root
  std::string group;
  std::string argument;
  std::string where;  // "FILE:LINE"
};

Result<std::vector<TmpfilesLine>> ParseTmpfiles(std::string_view text, std::string_view file);

// True when the line is done at build time.
bool IsBuildTimeLine(const TmpfilesLine& line);

Result<> ApplyTmpfiles(RuleContext& context);

}  // namespace inro::image
