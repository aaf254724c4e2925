// Names of units: kinds, templates, instances, and the escaping of systemd-escape(1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace inro::unit {

enum class UnitKind {
  kService,
  kTarget,
  kSocket,
  kTimer,
  kMount,
  kAutomount,
  kSwap,
  kPath,
  kSlice,
  kScope,
  kDevice,
};

// ".service" and so on.
std::string_view Suffix(UnitKind kind);

// nullopt when `name` is not a valid unit name: at most 255 bytes of letters, digits and ":-_.\@",
// with a known suffix and something before it.
std::optional<UnitKind> KindOf(std::string_view name);

// The parts of "prefix@instance.suffix". `instance` is absent without an "@", empty for a template.
struct NameParts {
  std::string_view prefix;
  std::optional<std::string_view> instance;
  std::string_view suffix;  // with its dot
};
NameParts SplitName(std::string_view name);

bool IsTemplate(std::string_view name);
// "foo@.service" of "foo@bar.service"; empty when the name is not an instance.
std::string TemplateOf(std::string_view name);
// "foo@bar.service" of the template "foo@.service" and "bar".
std::string Instantiate(std::string_view template_name, std::string_view instance);

// "-" becomes "/", "\x2d" the byte it names.
std::string Unescape(std::string_view text);
// Of any text, so that it is one part of a name: "x-y/z" becomes "x\x2dy-z".
std::string EscapeName(std::string_view text);
// Of a path: "/tmp/x-y" becomes "tmp-x\x2dy", "/" becomes "-".
std::string EscapePath(std::string_view path);

}  // namespace inro::unit
