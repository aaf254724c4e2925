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
     "  inro boot images/debian --detach --name web\n"
     "  inro boot out/debian.img --attach nvme --console\n"
     "  inro boot /etc/kata-containers/configuration.toml --print-command\n",
     false, MakeBootVerb},
    {"logs", "Show and follow the log of a guest",
     "Kernel, services and agent in one stream, from the oldest record that the guest keeps. Waits "
     "for\n"
     "the guest where its end goes away and goes on after the last record. Says on stderr what is "
     "missing.",
     "  inro logs debian\n"
     "  inro logs debian --no-follow -n 50 --level warning\n"
     "  inro logs vsock://3 --unit chrony --since 10m --grep 'source|step'\n"
     "  inro logs /run/vc/vm/ID/clh.sock --format json\n"
     "  inro logs debian --otlp http://localhost:4318\n",
     false, MakeLogsVerb},
    {"exec", "Run a program in a guest",
     "Standard input, output and error are the program's own, or a terminal when they are one.\n"
     "Signals are passed on. The exit code is the program's; 128 + N when signal N killed it; 127\n"
     "when there is no such program, 126 when it cannot be executed. The guest's definition must\n"
     "allow it: debug = true or [control] exec = true.",
     "  inro exec debian -- uname -a\n"
     "  inro exec debian -e LANG=C -w /etc -- ls -l < /dev/null\n"
     "  tar -c folder | inro exec debian -- tar -x -C /root\n",
     false, MakeExecVerb},
    {"cp", "Copy files and folders between host and guest",
     "As cp -r: into the folder DESTINATION when there is one, else to that name; SOURCE/. is\n"
     "what is in a folder. Modes, times, links and holes are kept; a file appears when all of it\n"
     "is there. The guest needs no tool for it; its definition must allow it: debug = true or\n"
     "[control] exec = true.",
     "  inro cp program debian:/usr/local/bin/\n"
     "  inro cp debian:/var/log logs\n"
     "  inro cp run/vsock.sock:/etc/os-release .\n",
     false, MakeCpVerb},
    {"console", "Open a shell in a guest",
     "The first of bash, sh and busybox that the guest has, on a terminal of its own: window\n"
     "size, Ctrl-C and job control work. Leave by ending the shell, or with ~. at the start of a\n"
     "line, or Ctrl-]. The exit code is the shell's. The guest's definition must allow it:\n"
     "debug = true or [control] exec = true.",
     "  inro console debian\n"
     "  inro console vsock://3 --user nobody\n",
     false, MakeConsoleVerb},
    {"ps", "List the guests that run",
     "Name, state, process, form, init, memory (taken of given) and time since the start, for all\n"
     "guests of this user. Removes what guests left behind whose supervisor was killed.",
     "  inro ps\n"
     "  inro ps --all --format json\n",
     false, MakePsVerb},
    {"stop", "Power guests off",
     "Asks the guest's agent, then the power button, then QEMU; kills what does not end. Prints "
     "the\n"
     "name of each that ended. Several are stopped side by side.",
     "  inro stop web\n"
     "  inro stop --all --force\n",
     false, MakeStopVerb},
    {"services", "List and change the units of a guest",
     "State, process, memory, CPU time, restarts, and why a unit failed, under either init. "
     "start,\n"
     "stop, restart and reload need the guest's definition to allow it: debug = true or\n"
     "[control] exec = true. status shows the unit's last log lines; exit code 1 when it is not "
     "active.",
     "  inro services debian\n"
     "  inro services debian status chrony\n"
     "  inro services debian restart chrony.service\n"
     "  inro services vsock://3 --all --format json\n",
     false, MakeServicesVerb},
    {"time", "Show how a guest keeps its time",
     "Offset to the host's clock, where the time comes from, steps, and what chrony makes of it;\n"
     "docs/time.md tells more.",
     "  inro time web\n"
     "  inro time web --watch --plot offset.html --for 600\n",
     false, MakeTimeVerb},
    {"host", "Serve time and traces to a sandbox that Kata started",
     "Listens beside the sandbox's hybrid socket, until Ctrl-C. Guests that inro boots have their\n"
     "host's time without it.",
     "  inro host --socket /run/vc/vm/ID/clh.sock\n"
     "  inro host --socket /run/vc/vm/ID/clh.sock --traces spans.json\n",
     false, MakeHostVerb},
    {"extension", "Make a guest extension image from a folder",
     "Writes NAME.img, an EROFS with dm-verity's hash tree, and NAME.cmdline, the kernel "
     "parameter\n"
     "that its guest needs. The same folder gives the same bytes. A guest mounts it at\n"
     "/run/kata-extensions/NAME before its agent starts; docs/extensions.md tells more.",
     "  inro extension tools -o out\n"
     "  inro boot images/debian --extension out/tools.img\n",
     false, MakeExtensionVerb},
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
    {"trace", "Receive the spans of a guest: a file, a collector, a timeline",
     "Of a running guest that has agent.trace on its kernel's command line, what it has kept since "
     "its\n"
     "boot and what comes, until Ctrl-C or its end. A definition or an artifact is booted with\n"
     "agent.trace, waited for and powered off in order. Without an output: OTLP JSON on stdout.",
     "  inro trace images/debian --html boot.html\n"
     "  inro trace calm-otter --otlp http://localhost:4318\n"
     "  inro trace images/debian --form image --init systemd -o spans.jsonl\n",
     false, MakeTraceVerb},
    {"vsock", "Run the vsock device as a process of its own",
     "Serves one QEMU with -device vhost-user-vsock-pci, until it has come and gone, or Ctrl-C.\n"
     "A host process connects to the hybrid socket and sends \"CONNECT PORT\"; docs/vsock.md "
     "tells\n"
     "more. Both sockets lie in a folder that only its user can enter.",
     "  inro vsock --vhost-socket run/vhost.sock --hybrid-socket run/vsock.sock\n", false,
     MakeVsockVerb},
    {"units", "Say what init = inro makes of unit files",
     "For each directive, with file and line: enforced (it does what systemd's manual says),\n"
     "harmless (it has no effect here, and nothing is lost), not enforced (a promise that this "
     "init\n"
     "does not keep), unknown, or wrong. No guest is needed. Exit code 0 whenever a verdict was\n"
     "given.",
     "  inro units check my.service\n"
     "  inro units check chrony_4.3-2_amd64.deb /etc/systemd/system --format json\n",
     false, MakeUnitsVerb},
    {"version", "Show the version", "", "", false, MakeVersionVerb},
};

}  // namespace

std::span<const VerbRow> Verbs() { return kVerbs; }

}  // namespace inro::cli
