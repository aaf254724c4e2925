// `inro units check`: what init = inro makes of each directive of unit files, wherever they lie: as
// files, in folders, in Debian packages. No tree and no guest is needed.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "unit/directive.h"

namespace inro::image {

// One directive in a file.
struct DirectiveUse {
  int line = 0;
  std::string section, name, value;
  unit::Verdict verdict = unit::Verdict::kEnforced;
  std::string message;  // of kWrong: what is wrong
};

struct CheckedUnitFile {
  std::string file;     // "PACKAGE.deb:/usr/lib/..." in a package
  std::string unit;     // that it belongs to: "foo.service", also for its drop-ins
  std::string problem;  // why the file as a whole cannot be used; empty: it can
  std::vector<DirectiveUse> uses;
  std::vector<std::string> warnings;  // lines that are no directives: "FILE:LINE: ..."
};

std::string_view ToString(unit::Verdict verdict);

// `arguments` are unit files (NAME.service, or a drop-in in NAME.service.d/), folders (searched for
// both, but not for units of users) and .deb files. Links and empty files (masks) are passed over.
// An argument that cannot be read or is none of these is kBadInput.
Result<std::vector<CheckedUnitFile>> CheckUnitFiles(const std::vector<std::string>& arguments);

// One file whose text is at hand. `path` decides the unit's name.
CheckedUnitFile CheckUnitText(const std::string& path, std::string_view text);

}  // namespace inro::image
