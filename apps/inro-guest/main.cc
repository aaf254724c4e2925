// inro-guest: one program, many roles. The role is the name it is started by, else its first word.
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "guest/init/init_role.h"
#ifdef INRO_ROLE_AGENT
#include "guest/agent/agent_role.h"
#endif
#ifdef INRO_ROLE_CONTROL
#include "guest/control/control_role.h"
#endif
#ifdef INRO_ROLE_LOGS
#include "guest/logs/logs_role.h"
#endif
#ifdef INRO_ROLE_CONSOLE
#include "guest/console/console_role.h"
#endif
#ifdef INRO_ROLE_CLOCK
#include "guest/clock/clock_role.h"
#endif
#ifdef INRO_ROLE_TRACE
#include "guest/trace/trace_role.h"
#endif
#ifdef INRO_ROLE_EXTENSION
#include "guest/extension/extension_role.h"
#endif
#ifdef INRO_ROLE_GENERATE
#include "guest/generate/generate_role.h"
#endif
#ifdef INRO_ROLE_SYSTEMCTL
#include "guest/systemctl/systemctl_role.h"
#endif

namespace {

struct Role {
  std::string_view name;
  int (*run)(int argc, char** argv);
};

// PID 1 calls the generator of this program in a fork of itself, which saves an exec.
int RunInit(int argc, char** argv) {
#ifdef INRO_ROLE_GENERATE
  return inro::guest::RunInit(argc, argv, &inro::guest::generate::RunGenerate);
#else
  return inro::guest::RunInit(argc, argv);
#endif
}

constexpr Role kRoles[] = {
    {"init", &RunInit},
#ifdef INRO_ROLE_AGENT
    {"agent", &inro::guest::agent::RunAgent},
    {"kata-agent", &inro::guest::agent::RunAgent},
#endif
#ifdef INRO_ROLE_CONTROL
    {"control", &inro::guest::control::RunControl},
#endif
#ifdef INRO_ROLE_LOGS
    {"logs", &inro::guest::logs::RunLogs},
#endif
#ifdef INRO_ROLE_CONSOLE
    {"console", &inro::guest::console::RunConsole},
#endif
#ifdef INRO_ROLE_CLOCK
    {"clock", &inro::guest::clock::RunClock},
#endif
#ifdef INRO_ROLE_TRACE
    {"trace", &inro::guest::trace::RunTrace},
#endif
#ifdef INRO_ROLE_EXTENSION
    {"extension-mount", &inro::guest::extension::RunExtensionMount},
#endif
#ifdef INRO_ROLE_GENERATE
    {"generate", &inro::guest::generate::RunGenerate},
    {"inro-generate", &inro::guest::generate::RunGenerate},
#endif
#ifdef INRO_ROLE_SYSTEMCTL
    {"systemctl", &inro::guest::systemctl::RunSystemctl},
    {"poweroff", &inro::guest::systemctl::RunSystemctl},
    {"reboot", &inro::guest::systemctl::RunSystemctl},
    {"halt", &inro::guest::systemctl::RunSystemctl},
    {"shutdown", &inro::guest::systemctl::RunSystemctl},
#endif
};

const Role* Find(std::string_view name) {
  for (const Role& role : kRoles) {
    if (role.name == name) return &role;
  }
  return nullptr;
}

void Print(int fd, std::string_view text) {
  static_cast<void>(::write(fd, text.data(), text.size()) > 0);
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view name = argc > 0 ? argv[0] : "";
  name.remove_prefix(name.rfind('/') + 1);
  if (const Role* role = Find(name)) return role->run(argc, argv);
  if (argc > 1) {
    if (const Role* role = Find(argv[1])) return role->run(argc - 1, argv + 1);
    if (std::strcmp(argv[1], "--version") == 0) {
      Print(STDOUT_FILENO, "inro-guest " INRO_VERSION "\n");
      return 0;
    }
  }
  // The kernel may know it by any name (rdinit=, init=).
  if (::getpid() == 1) return RunInit(argc, argv);
  Print(STDERR_FILENO, "usage: inro-guest ROLE [ARGUMENTS]\nroles:");
  for (const Role& role : kRoles) {
    Print(STDERR_FILENO, " ");
    Print(STDERR_FILENO, role.name);
  }
  Print(STDERR_FILENO, "\n");
  return 2;
}
