#include "sys/shell.h"

#include "sys/spawn.h"

namespace inro::sys {

Shell FindShell(std::string_view path) {
  for (const char* name : {"bash", "sh", "busybox"}) {
    std::string program = FindProgram(name, std::string(path));
    if (!program.starts_with('/')) continue;
    Shell shell{std::move(program), {fmt::format("-{}", name)}};
    if (shell.argv[0] == "-busybox") shell.argv = {"busybox", "sh", "-l"};
    return shell;
  }
  return {};
}

}  // namespace inro::sys
