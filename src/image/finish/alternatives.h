// The alternatives system (update-alternatives(1)) as data: which links each package's postinst
// installs. The table is what is applied; the parser reads maintainer scripts to find groups that
// the table lacks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/finish/rule.h"

namespace inro::image {

struct AlternativeSlave {
  std::string link;  // "/usr/sbin/iptables-save"
  std::string name;  // "iptables-save"
  std::string target;

  auto operator<=>(const AlternativeSlave&) const = default;
};

struct Alternative {
  std::string link;
  std::string name;
  std::string target;
  int priority = 0;
  std::vector<AlternativeSlave> slaves;

  auto operator<=>(const Alternative&) const = default;
};

struct DeclaredAlternative {
  std::string_view package;
  std::string_view link;
  std::string_view name;
  std::string_view target;
  int priority;
  std::string_view slaves;  // "LINK NAME TARGET" triples between blanks
};

std::span<const DeclaredAlternative> DeclaredAlternatives();

// The words of one `update-alternatives --install ...` command; nothing when it is none or
// malformed.
std::vector<Alternative> ParseUpdateAlternatives(const std::vector<std::string>& words);

// True when the table has this group with this target for the package. Manual pages do not count.
bool IsDeclaredAlternative(std::string_view package, const Alternative& alternative);

// Makes the links: /etc/alternatives/NAME -> target of the highest priority whose target exists.
Result<> ApplyAlternatives(RuleContext& context);

}  // namespace inro::image
