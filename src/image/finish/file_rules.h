// Rules that put single files, folders and links: all from one table of rows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "image/finish/rule.h"

namespace inro::image {

enum class FileAction {
  kCopy,      // `argument` is the path to copy from; nothing happens when it is absent
  kText,      // `argument` is the content
  kFolder,    // a directory with mode and owner
  kLink,      // `argument` is the target
  kOverride,  // mode and owner of what is there; nothing happens when it is absent
};

// Nothing but kOverride and kFolder touches what is there already.
struct FileRow {
  std::string_view rule;      // id of the rule that the row belongs to
  std::string_view packages;  // space-separated, any of them; empty: always
  FileAction action;
  std::string_view path;
  std::string_view argument;
  std::uint32_t mode;
  std::string_view user;
  std::string_view group;
};

std::span<const FileRow> FileRows();

// Applies the rows of the rule that the context has entered.
Result<> ApplyFileRows(RuleContext& context);

// /etc/shells from debianutils' list and its shells.d, as update-shells does.
Result<> ApplyShells(RuleContext& context);
// /etc/pam.d/common-* from pam-configs and the templates, as pam-auth-update does.
Result<> ApplyPamCommon(RuleContext& context);
// Links for the modules that libnginx-mod-* packages bring.
Result<> ApplyNginxModules(RuleContext& context);
// /etc/hostname from the options.
Result<> ApplyHostname(RuleContext& context);

}  // namespace inro::image
