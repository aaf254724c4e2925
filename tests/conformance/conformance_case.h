// A case of the conformance test: some units, a script that drives them, and what it must print,
// whichever init runs. One file of cases/:
//
//   # One sentence: what is tested.
//   -- unit NAME            a unit file of /etc/systemd/system; NAME begins with the case's name
//   -- file PATH [MODE]     any other file, below /etc
//   -- script               for /bin/sh; see kPrelude for what it may use
//   -- expect               its whole output
//   -- differs REASON       instead of a failure under init = inro: this output is expected there,
//                           and the reason stands in docs/units.md
//
// "@D@" is the case's own folder in the guest, /run/conformance/CASE, writable for all. "@T@" is
// the program with the tools (guest/conformance_guest.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inro::conformance {

struct CaseFile {
  std::string path;  // absolute, in the guest
  std::string mode;  // octal
  std::string text;
};

struct Case {
  std::string name;
  std::string title;
  std::vector<CaseFile> files;
  std::vector<std::string> units;  // names of its units that are no templates or drop-ins
  std::string script;
  std::string expect;
  std::optional<std::string> difference;  // why init = inro differs
  std::string expect_inro;                // with `difference`
};

// Functions that every script may call.
extern const std::string_view kPrelude;

// `name` is that of the file without ".case". Errors name file and line.
Result<Case> ParseCase(std::string_view text, const std::string& name, const std::string& path);
// All of a folder, sorted by name; no two have a file of the guest in common.
Result<std::vector<Case>> ReadCases(const std::string& folder);

}  // namespace inro::conformance
