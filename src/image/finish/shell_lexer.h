// The tokens of a shell script (POSIX Shell Command Language, 2.3), for shell_commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

struct ShellToken {
  enum Kind {
    kWord,      // raw text, quotes included
    kOperator,  // "&&", "||", ";;", "|", "&", ";", "(", ")" or "\n"
    kRedirect,  // ">", "<", ...; `text` is the raw word it goes to or comes from
  };
  Kind kind = kWord;
  std::string text;
  bool output = false;  // redirections: writes to a file
  int line = 0;
};

// Never fails; unterminated quotes reach to the end.
std::vector<ShellToken> LexShell(std::string_view script);

}  // namespace inro::image
