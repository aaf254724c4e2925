// Parsers of the rows in the directive table, one per kind of value; each is bound to a member of
// the model by its template arguments. Private to the table.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unit/directive.h"
#include "unit/text.h"

namespace inro::unit::parse {

// The settings of a unit's processes; the unit is a service, socket or mount.
ExecSettings& ExecOf(Unit& unit);
// Of such a unit, or of a slice.
ResourceSettings& ResourcesOf(Unit& unit);

// Where a member lies. The section of a row makes sure that it is there.
template <class T>
T* In(Unit& unit, T Unit::* member) {
  return &(unit.*member);
}
template <class T>
T* In(Unit& unit, T ServiceSettings::* member) {
  return &((*unit.service).*member);
}
template <class T>
T* In(Unit& unit, T ExecSettings::* member) {
  return &(ExecOf(unit).*member);
}
template <class T>
T* In(Unit& unit, T SandboxSettings::* member) {
  return &(ExecOf(unit).sandbox.*member);
}
template <class T>
T* In(Unit& unit, T ResourceSettings::* member) {
  return &(ResourcesOf(unit).*member);
}
template <class T>
T* In(Unit& unit, T SocketSettings::* member) {
  return &((*unit.socket).*member);
}
template <class T>
T* In(Unit& unit, T TimerSettings::* member) {
  return &((*unit.timer).*member);
}
template <class T>
T* In(Unit& unit, T MountSettings::* member) {
  return &((*unit.mount).*member);
}

// Expands specifiers; false (and a problem) when one is unknown.
bool Expand(DirectiveContext& context, std::string_view text, std::string& out);

// Each of these reads context.value into its second argument, or sets context.problem. The
// templates bind them to a member.
void BoolInto(DirectiveContext& context, bool& target);
void TextInto(DirectiveContext& context, std::string& target);
// An absolute path, specifiers expanded; empty resets.
void PathInto(DirectiveContext& context, std::string& target);
void TimeSpanInto(DirectiveContext& context, Microseconds& target);
void ModeInto(DirectiveContext& context, mode_t& target);
void SignalInto(DirectiveContext& context, int& target);
void UnsignedInto(DirectiveContext& context, unsigned& target);
void IntegerInto(DirectiveContext& context, std::optional<int>& target, int min, int max);
// Bytes with the suffixes K, M, G, T; empty resets.
void SizeInto(DirectiveContext& context, std::optional<std::uint64_t>& target);
// The value's words (systemd.syntax(7)), specifiers not expanded; none, and a problem, when a quote
// is not closed.
std::vector<std::string> QuotedWords(DirectiveContext& context);
// A list of quoted words; an empty value resets it.
void WordsInto(DirectiveContext& context, std::vector<std::string>& target);
// Names of units; those that are none are left out with a problem. Never reset by an empty value,
// as in the original.
void UnitsInto(DirectiveContext& context, std::vector<std::string>& target);
void CommandsInto(DirectiveContext& context, std::vector<Command>& target);
void ExitStatusInto(DirectiveContext& context, ExitStatusSet& target);

template <auto kMember>
void Bool(DirectiveContext& c) {
  BoolInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Text(DirectiveContext& c) {
  TextInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Path(DirectiveContext& c) {
  PathInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void TimeSpan(DirectiveContext& c) {
  TimeSpanInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Mode(DirectiveContext& c) {
  ModeInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Signal(DirectiveContext& c) {
  SignalInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Unsigned(DirectiveContext& c) {
  UnsignedInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Size(DirectiveContext& c) {
  SizeInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Words(DirectiveContext& c) {
  WordsInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Units(DirectiveContext& c) {
  UnitsInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void Commands(DirectiveContext& c) {
  CommandsInto(c, *In(c.unit, kMember));
}
template <auto kMember>
void ExitStatus(DirectiveContext& c) {
  ExitStatusInto(c, *In(c.unit, kMember));
}
template <auto kMember, int kMin, int kMax>
void Integer(DirectiveContext& c) {
  IntegerInto(c, *In(c.unit, kMember), kMin, kMax);
}

template <class E>
struct Choice {
  std::string_view word;
  E value;
};
// One word of a table.
template <auto kMember, const auto& kChoices>
void OneOf(DirectiveContext& c) {
  for (const auto& choice : kChoices) {
    if (choice.word == c.value) {
      *In(c.unit, kMember) = choice.value;
      return;
    }
  }
  c.problem = "expected one of:";
  for (const auto& choice : kChoices) {
    c.problem += ' ';
    c.problem += choice.word;
  }
}

// Entries that one list of a unit may have.
inline constexpr std::size_t kMaxList = 1024;

// "foo/bar" without a leading slash, "." or "..".
bool IsCleanRelative(std::string_view path);
// Removes doubled and trailing slashes of an absolute path.
std::string CleanPath(std::string_view path);

// What SuccessAction= and its kin accept.
inline constexpr Choice<SystemAction> kSystemActions[] = {
    {"none", SystemAction::kNone},
    {"poweroff", SystemAction::kPoweroff},
    {"poweroff-force", SystemAction::kPoweroffForce},
    {"poweroff-immediate", SystemAction::kPoweroffImmediate},
    {"reboot", SystemAction::kReboot},
    {"reboot-force", SystemAction::kRebootForce},
    {"reboot-immediate", SystemAction::kRebootImmediate},
    {"halt", SystemAction::kHalt},
    {"halt-force", SystemAction::kHaltForce},
    {"halt-immediate", SystemAction::kHaltImmediate},
    {"exit", SystemAction::kExit},
    {"exit-force", SystemAction::kExitForce},
};

}  // namespace inro::unit::parse
