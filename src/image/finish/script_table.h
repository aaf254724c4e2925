// What is known of single commands and scripts beyond what can be told from a tree.
#pragma once

#include <span>
#include <string_view>

#include "image/finish/finish.h"

namespace inro::image {

// A command that does nothing to a file of the tree at build time, by its leading words.
struct HarmlessCommand {
  std::string_view prefix;  // whole words: "systemctl daemon-reload"
  std::string_view why;
};
std::span<const HarmlessCommand> HarmlessCommands();

// A command that a rule does, whatever its arguments are.
struct CoveredCommand {
  std::string_view prefix;
  std::string_view rule;
};
std::span<const CoveredCommand> CoveredCommands();

// Commands of one package's script that were read and judged.
struct JudgedCommand {
  std::string_view package;
  std::string_view kind;
  std::string_view prefix;  // of the command's text
  ScriptClass verdict;
  std::string_view rule;  // covered: by which
  std::string_view why;   // harmless: why
};
std::span<const JudgedCommand> JudgedCommands();

}  // namespace inro::image
