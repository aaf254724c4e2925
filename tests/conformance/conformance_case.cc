#include "conformance_case.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "sys/file.h"

namespace inro::conformance {
namespace {

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

bool IsPlainUnit(std::string_view name) {
  return name.find('/') == std::string_view::npos && name.find("@.") == std::string_view::npos;
}

}  // namespace

const std::string_view kPrelude = R"(
# until N CONDITION: waits for at most N tenths of a second.
until_() { n=$1; shift; while [ $n -gt 0 ]; do eval "$*" && return 0; n=$((n-1)); sleep 0.1; done; echo "never: $*"; return 1; }
# state UNIT STATE: waits until the unit is in that ActiveState.
state() { until_ 60 "[ \"\$(systemctl show -p ActiveState --value $1)\" = $2 ]" || systemctl show -p ActiveState,SubState,Result $1; }
prop() { systemctl show -p "$2" --value "$1"; }
# file PATH: waits until it is there and not empty, and prints it.
file() { until_ 80 "[ -s $1 ]" && cat "$1"; }
code() { "$@" >/dev/null 2>&1; echo "code $?"; }
)";

Result<Case> ParseCase(std::string_view text, const std::string& name, const std::string& path) {
  Case result;
  result.name = name;
  std::string folder = "/run/conformance/" + name;
  std::string* current = nullptr;
  int line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto bad = [&](std::string_view what) {
      return std::unexpected(Error::InFile(path, line_number, std::string(what)));
    };
    if (line_number == 1) {
      if (!line.starts_with("# ")) return bad("a case begins with \"# \" and what it tests");
      result.title = line.substr(2);
      continue;
    }
    if (!line.starts_with("-- ")) {
      if (current != nullptr) *current += std::string(line) + "\n";
      continue;
    }
    line.remove_prefix(3);
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, space);
    const std::string rest(line.substr(std::min(space + 1, line.size())));
    if (word == "unit") {
      if (!rest.starts_with(name)) return bad("a unit's name begins with the case's name");
      result.files.push_back({"/etc/systemd/system/" + rest, "0644", ""});
      if (IsPlainUnit(rest)) result.units.push_back(rest);
      current = &result.files.back().text;
    } else if (word == "file") {
      const std::size_t mode = rest.find(' ');
      result.files.push_back(
          {rest.substr(0, mode), mode == std::string::npos ? "0644" : rest.substr(mode + 1), ""});
      if (!result.files.back().path.starts_with("/etc/")) return bad("a file lies in /etc");
      current = &result.files.back().text;
    } else if (word == "script") {
      current = &result.script;
    } else if (word == "expect") {
      current = &result.expect;
    } else if (word == "differs") {
      if (rest.empty()) return bad("\"-- differs\" needs its reason");
      result.difference = rest;
      current = &result.expect_inro;
    } else {
      return bad("expected unit, file, script, expect or differs after \"-- \"");
    }
  }
  if (result.script.empty() || result.expect.empty()) {
    return std::unexpected(Error::InFile(path, line_number, "a case needs a script and an expect"));
  }
  for (std::string* part : {&result.script, &result.expect, &result.expect_inro}) {
    ReplaceAll(*part, "@D@", folder);
    ReplaceAll(*part, "@T@", "/usr/lib/conformance/guest");
  }
  for (CaseFile& file : result.files) {
    ReplaceAll(file.text, "@D@", folder);
    ReplaceAll(file.text, "@T@", "/usr/lib/conformance/guest");
  }
  return result;
}

Result<std::vector<Case>> ReadCases(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".case") names.push_back(entry.path().stem().string());
  }
  if (error) return Fail("read {}: {}", folder, error.message());
  std::ranges::sort(names);
  std::vector<Case> cases;
  std::map<std::string, std::string> owners;
  for (const std::string& name : names) {
    const std::string path = fmt::format("{}/{}.case", folder, name);
    INRO_ASSIGN(const std::string text, sys::ReadFile(path));
    INRO_ASSIGN(Case parsed, ParseCase(text, name, path));
    for (const CaseFile& file : parsed.files) {
      const auto [owner, added] = owners.try_emplace(file.path, name);
      if (!added) return Fail("{}: {} belongs to case {} too", path, file.path, owner->second);
    }
    cases.push_back(std::move(parsed));
  }
  return cases;
}

}  // namespace inro::conformance
