// Parsers of the rows in the directive table, one per kind of value; each is bound to a member of
// the model by its template arguments. Private to the table.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "unit/directive.h"
#include "unit/text.h"

namespace inro::unit::parse {

// Where a member lies: in the unit, its service, or how the service is executed.
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
  return &(unit.service->exec.*member);
}
template <class T>
T* In(Unit& unit, T MountSettings::* member) {
  return &((*unit.mount).*member);
}

// Expands specifiers; false (and a problem) when one is unknown.
bool Expand(DirectiveContext& context, std::string_view text, std::string& out);

template <auto kMember>
void Bool(DirectiveContext& c) {
  if (c.value.empty()) return;
  if (const auto value = ParseBool(c.value)) {
    *In(c.unit, kMember) = *value;
  } else {
    c.problem = "yes or no is expected";
  }
}

template <auto kMember>
void Text(DirectiveContext& c) {
  std::string value;
  if (Expand(c, c.value, value)) *In(c.unit, kMember) = std::move(value);
}

template <auto kMember>
void TimeSpan(DirectiveContext& c) {
  if (const auto value = ParseTimeSpan(c.value)) {
    *In(c.unit, kMember) = *value;
  } else {
    c.problem = "a time span is expected, for example 90s or 1min 30s";
  }
}

template <auto kMember>
void Mode(DirectiveContext& c) {
  if (const auto value = ParseMode(c.value)) {
    *In(c.unit, kMember) = *value;
  } else {
    c.problem = "an octal mode is expected";
  }
}

template <auto kMember>
void Signal(DirectiveContext& c) {
  if (const auto value = ParseSignal(c.value)) {
    *In(c.unit, kMember) = *value;
  } else {
    c.problem = "a signal is expected, for example SIGTERM";
  }
}

template <auto kMember, int kMin, int kMax>
void Integer(DirectiveContext& c) {
  if (c.value.empty()) {
    In(c.unit, kMember)->reset();
    return;
  }
  const auto value = ParseNumber<int>(c.value);
  if (value && *value >= kMin && *value <= kMax) {
    *In(c.unit, kMember) = *value;
  } else {
    c.problem = "a number in its range is expected";
  }
}

// A list of words; an empty value resets it.
template <auto kMember>
void Words(DirectiveContext& c) {
  auto& list = *In(c.unit, kMember);
  if (c.value.empty()) {
    list.clear();
    return;
  }
  const auto words = SplitQuoted(c.value);
  if (!words) {
    c.problem = "a quote is not closed or an escape is unknown";
    return;
  }
  for (const std::string& word : *words) {
    std::string value;
    if (!Expand(c, word, value)) return;
    list.push_back(std::move(value));
  }
}

// Names of units; those that are none are left out with a problem. Never reset by an empty value,
// as in the original.
bool UnitNames(DirectiveContext& context, std::vector<std::string>& list);
template <auto kMember>
void Units(DirectiveContext& c) {
  UnitNames(c, *In(c.unit, kMember));
}

void CommandList(DirectiveContext& context, std::vector<Command>& list);
template <auto kMember>
void Commands(DirectiveContext& c) {
  CommandList(c, *In(c.unit, kMember));
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

void ConditionOf(DirectiveContext& context, ConditionKind kind, bool assertion);
template <ConditionKind kKind, bool kAssertion = false>
void ConditionRow(DirectiveContext& c) {
  ConditionOf(c, kKind, kAssertion);
}

void ExitStatuses(DirectiveContext& context, ExitStatusSet& set);
template <auto kMember>
void ExitStatus(DirectiveContext& c) {
  ExitStatuses(c, *In(c.unit, kMember));
}

void LimitOf(DirectiveContext& context, int resource);
template <int kResource>
void LimitRow(DirectiveContext& c) {
  LimitOf(c, kResource);
}

void DirectoryNames(DirectiveContext& context, DirectoryKind kind);
void DirectoryMode(DirectiveContext& context, DirectoryKind kind);
template <DirectoryKind kKind>
void Directory(DirectiveContext& c) {
  DirectoryNames(c, kKind);
}
template <DirectoryKind kKind>
void DirectoryModeRow(DirectiveContext& c) {
  DirectoryMode(c, kKind);
}

void Capabilities(DirectiveContext& context, CapabilitySet& set, bool start_full);

void EnvironmentWords(DirectiveContext& context);
void EnvironmentFileRow(DirectiveContext& context);
void WorkingDirectory(DirectiveContext& context);
void BoundingRow(DirectiveContext& context);
void AmbientRow(DirectiveContext& context);
void UmaskRow(DirectiveContext& context);
void StartTimeout(DirectiveContext& context);
void StopTimeout(DirectiveContext& context);
void BothTimeouts(DirectiveContext& context);
void StartLimitInterval(DirectiveContext& context);
void StartLimitBurst(DirectiveContext& context);
void InputRow(DirectiveContext& context);
void OutputRow(DirectiveContext& context);
void ErrorRow(DirectiveContext& context);
void PidFile(DirectiveContext& context);

}  // namespace inro::unit::parse
