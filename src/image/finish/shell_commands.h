// Reads a maintainer script just far enough to say which commands a first installation would run.
//
// The reader joins continued lines, drops comments and here-documents, splits at ";", "&&", "||",
// "|" and follows if/elif/else/fi, case/esac, loops and functions. Conditions about dpkg's own
// arguments
// ("$1" is the action, "$2" the version installed before) are decided for the first configuration:
// `postinst configure ""`, `preinst install`. Blocks that such a decision rules out are left out.
// All other conditions count as possible, both ways. It never runs anything and accepts any bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

struct ShellCommand {
  std::vector<std::string> words;  // quotes removed; redirections dropped
  std::string text;                // the same in one line, for messages
  std::string writes;              // the file that its output is redirected to; empty: none
  int line = 0;
};

// The commands that may run when `kind` ("postinst", "preinst", ...) is called at a first
// installation. Functions that are never called are left out; those that are, are followed.
std::vector<ShellCommand> FirstInstallCommands(std::string_view script, std::string_view kind);

// What `adduser` or `addgroup` is asked for: the last words that are no options.
struct AccountRequest {
  bool group = false;  // addgroup, or adduser --group without --system
  std::string name;
  std::string home;
  bool system = false;
};
// Nothing when the command is none of the two or names a variable that is not known.
std::vector<AccountRequest> ParseAdduser(const std::vector<std::string>& words);

}  // namespace inro::image
