#include "verbs.h"

#include <fmt/format.h>

#include "image/definition/reference.h"

namespace inro::cli {
namespace {

std::string DefinitionHelp() {
  return fmt::format("Settings of a definition (image.toml); docs/definition.md tells more:\n{}",
                     image::DefinitionSummary());
}

constexpr VerbRow kVerbs[] = {
    {"build", "Make image and initrd from a definition",
     "Makes NAME.img, NAME.initrd, NAME.kernel and NAME.manifest.json. They appear together when "
     "all\n"
     "are complete; on an error the folder is as it was. Needs no privileges.",
     "  inro build images/debian -o out\n"
     "  inro build images/debian --form initrd --init systemd\n",
     false, MakeBuildVerb, DefinitionHelp},
    {"compare", "Boot the guests of a definition and print what each can do",
     "Builds image and initrd, boots them and tries every row of the table inside them; measures\n"
     "them beside the floor: the same kernel with a static PID 1 that only answers the check.\n"
     "Exit code 0 when every guest was booted and probed, whatever the cells say.",
     "  inro compare images/debian --out out\n"
     "  inro compare images/debian --all --format json > table.json\n",
     false, MakeCompareVerb},
    {"boot", "Boot a guest and show its agent's answer",
     "Waits for the agent, shows its answer to Check, Version and GetGuestDetails, and stays "
     "until\n"
     "Ctrl-C (status 130) or the guest's own end; the end of stdin does not matter. The guest is\n"
     "powered off through its agent. When it does not come up: the console's last lines and the\n"
     "step that is missing.",
     "  inro boot images/debian --once\n"
     "  inro boot out/debian.img --attach nvme --console\n"
     "  inro boot /etc/kata-containers/configuration.toml --print-command\n",
     false, MakeBootVerb},
    {"inspect", "List, print and extract what an artifact holds", "",
     "  inro inspect out/debian.initrd /usr/lib/systemd/system\n"
     "  inro inspect out/debian.img /etc/os-release --cat\n"
     "  inro inspect out/debian.img --extract root\n"
     "  inro inspect out/debian.img --manifest\n",
     false, MakeInspectVerb},
    {"config", "Make Kata Containers boot an artifact",
     "Reads your configuration.toml and writes config.d/50-inro.toml beside it.",
     "  inro config out/debian.initrd --kata /etc/kata-containers/configuration.toml --print\n",
     false, MakeConfigVerb},
    {"definition", "The reference of image.toml, or a check of one",
     "Without a definition: every setting with its default and meaning. With one: whether it is\n"
     "right, without building it.",
     "  inro definition\n"
     "  inro definition images/debian\n",
     false, MakeDefinitionVerb, DefinitionHelp},
    {"vsock", "Run the vsock device as a process of its own",
     "Serves one QEMU with -device vhost-user-vsock-pci, until it has come and gone, or Ctrl-C.\n"
     "A host process connects to the hybrid socket and sends \"CONNECT PORT\"; docs/vsock.md "
     "tells\n"
     "more. Both sockets lie in a folder that only its user can enter.",
     "  inro vsock --vhost-socket run/vhost.sock --hybrid-socket run/vsock.sock\n", false,
     MakeVsockVerb},
    {"version", "Show the version", "", "", false, MakeVersionVerb},
};

}  // namespace

std::span<const VerbRow> Verbs() { return kVerbs; }

}  // namespace inro::cli
