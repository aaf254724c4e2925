#include "image/definition/settings.h"

#include "image/definition/checks.h"

namespace inro::image {
namespace {

// A slot that stores the chosen word as an enumerator.
template <class Enum>
Slot Choose(Enum& target) {
  return std::function<void(std::size_t)>(
      [&target](std::size_t index) { target = static_cast<Enum>(index); });
}

using D = Definition;
using F = FileSettings;
using U = UserSettings;
using X = ExtensionSettings;

// Rows of one table stand together, in the order of the reference.
constexpr Setting<D> kRows[] = {
    {"name",
     ValueKind::kText,
     false,
     "",
     R"("debian")",
     "The name of the artifacts: NAME.img, NAME.initrd, NAME.kernel and NAME.manifest.json. "
     "Without "
     "it, the name of the definition's folder.",
     [](D& d) -> Slot { return &d.name; },
     {},
     CheckName},
    {"hostname",
     ValueKind::kText,
     false,
     "",
     R"("guest")",
     "The host name of the guest until a sandbox gives another. Without it, the definition's name.",
     [](D& d) -> Slot { return &d.hostname; },
     {},
     CheckHostName},
    {"overlay", ValueKind::kFlag, false, "true", "false",
     "Whether the root is writable: a tmpfs lies over the read-only body. With false, the root is "
     "read-only, as in Kata's own guests.",
     [](D& d) -> Slot { return &d.overlay; }},
    {"prune", ValueKind::kFlag, false, "true", "false",
     "Whether documentation, manual pages, translations, static libraries and package manager "
     "state are left out of "
     "the guest, and setuid and setgid bits where no [[users]] are declared. Copyright files stay.",
     [](D& d) -> Slot { return &d.prune; }},
    {"debug", ValueKind::kFlag, false, "", "true",
     "Whether the host may look into the guest. true: exec, copy and service control over vsock "
     "(unless control.exec says otherwise), and a debug console when the kernel parameter "
     "agent.debug_console asks for one. false: none of these, whatever the kernel parameters say. "
     "Without it, only the console, on request, and not where the root is verified.",
     [](D& d) -> Slot { return &d.debug; }},
    {"kernel_parameters",
     ValueKind::kWords,
     false,
     "[]",
     R"(["quiet"])",
     "Words that are added to the kernel command line when inro boots the guest.",
     [](D& d) -> Slot { return &d.kernel_parameters; },
     {},
     CheckKernelWord},

    {"source.kind", ValueKind::kChoice, true, "", R"("apt")",
     "How the root file system is made. apt: Debian packages are resolved, checked and unpacked, "
     "and "
     "finishing rules stand in for maintainer scripts. mmdebstrap: the same packages with their "
     "maintainer scripts run. tar, directory: a root file system that exists, of any distribution. "
     "oci: a container image of any distribution, as an OCI image layout.",
     [](D& d) -> Slot { return Choose(d.source.kind); }, kSourceKinds},
    {"source.suite",
     ValueKind::kText,
     true,
     "",
     R"("bookworm")",
     "The suite of the distribution. With tar, directory and oci it names, in the manifest, what "
     "the "
     "tree was made from, and the kernel's package comes from it unless kernel.suite or "
     "kernel.file "
     "say otherwise.",
     [](D& d) -> Slot { return &d.source.suite; },
     {},
     CheckSuite},
    {"source.packages",
     ValueKind::kWords,
     false,
     "[]",
     R"(["chrony", "iptables"])",
     "Packages of every guest; what they depend on comes along. For apt and mmdebstrap at least "
     "one "
     "is needed.",
     [](D& d) -> Slot { return &d.source.packages; },
     {},
     CheckPackage},
    {"source.exclude",
     ValueKind::kWords,
     false,
     "[]",
     R"(["tzdata"])",
     "Packages that are left out although others depend on them.",
     [](D& d) -> Slot { return &d.source.exclude; },
     {},
     CheckPackage},
    {"source.mirror",
     ValueKind::kText,
     false,
     "",
     R"("http://deb.debian.org/debian")",
     "The mirror that packages come from. Without it, the one that this machine's apt uses for "
     "Debian, or http://deb.debian.org/debian.",
     [](D& d) -> Slot { return &d.source.mirror; },
     {},
     CheckUri},
    {"source.components",
     ValueKind::kWords,
     false,
     R"(["main"])",
     R"(["main", "contrib"])",
     "The components of the suite.",
     [](D& d) -> Slot { return &d.source.components; },
     {},
     CheckComponent},
    {"source.updates", ValueKind::kFlag, false, "true", "false",
     "Whether SUITE-updates and SUITE-security are used too, for suites that have them.",
     [](D& d) -> Slot { return &d.source.updates; }},
    {"source.security",
     ValueKind::kText,
     false,
     "",
     R"("http://deb.debian.org/debian-security")",
     "The mirror of SUITE-security. Without it, found as for source.mirror.",
     [](D& d) -> Slot { return &d.source.security; },
     {},
     CheckUri},
    {"source.keyring", ValueKind::kPath, false, "", R"("keys/archive.gpg")",
     "The keys that must have signed the mirror's index. Without it, those of the package "
     "debian-archive-keyring.",
     [](D& d) -> Slot { return &d.source.keyring; }},
    {"source.architecture",
     ValueKind::kText,
     false,
     R"("amd64")",
     R"("amd64")",
     "The guest's architecture, as Debian names it.",
     [](D& d) -> Slot { return &d.source.architecture; },
     {},
     CheckArchitecture},
    {"source.path", ValueKind::kPath, false, "", R"("rootfs.tar.zst")",
     "For tar: the archive, in any compression. For directory: the folder. For oci: the layout, a "
     "folder with oci-layout and index.json, or an archive of one, as skopeo, podman and docker "
     "save "
     "make it. The image's files become the guest's root; its Entrypoint, Env and other settings "
     "of "
     "a process mean nothing to a guest, which has an init and units.",
     [](D& d) -> Slot { return &d.source.path; }},
    {"source.tag",
     ValueKind::kText,
     false,
     "",
     R"("latest")",
     "For oci: which image of a layout that holds several, by its name there (annotation "
     "org.opencontainers.image.ref.name) or that name's tag. source.architecture chooses among an "
     "image's platforms.",
     [](D& d) -> Slot { return &d.source.tag; },
     {},
     CheckImageTag},

    {"kernel.package",
     ValueKind::kText,
     false,
     R"("linux-image-cloud-amd64")",
     R"("linux-image-cloud-amd64")",
     "The Debian package that the kernel and its modules come from.",
     [](D& d) -> Slot { return &d.kernel.package; },
     {},
     CheckPackage},
    {"kernel.suite",
     ValueKind::kText,
     false,
     "",
     R"("bookworm")",
     "The suite that kernel.package comes from. Without it, source.suite.",
     [](D& d) -> Slot { return &d.kernel.suite; },
     {},
     CheckSuite},
    {"kernel.file", ValueKind::kPath, false, "", R"("vmlinux")",
     "A kernel of your own, in place of the package.", [](D& d) -> Slot { return &d.kernel.file; }},
    {"kernel.config", ValueKind::kPath, false, "", R"("kernel.config")",
     "The .config of kernel.file: it tells what is built in, and so how the guest can be booted.",
     [](D& d) -> Slot { return &d.kernel.config; }},
    {"kernel.modules_folder", ValueKind::kPath, false, "", R"("lib/modules/6.12.0")",
     "The modules of kernel.file, as `make modules_install` leaves them.",
     [](D& d) -> Slot { return &d.kernel.modules_folder; }},
    {"kernel.builtin",
     ValueKind::kWords,
     false,
     "[]",
     R"(["nvme", "ext4", "vsock"])",
     "Modules that kernel.file has built in, where there is no .config to tell.",
     [](D& d) -> Slot { return &d.kernel.builtin; },
     {},
     CheckModule},
    {"kernel.modules",
     ValueKind::kWords,
     false,
     "[]",
     R"(["wireguard"])",
     "Modules that the guest carries besides those that inro, iptables and containers need; their "
     "dependencies come along.",
     [](D& d) -> Slot { return &d.kernel.modules; },
     {},
     CheckModule},

    {"image.init",
     ValueKind::kText,
     false,
     R"("systemd")",
     R"("inro")",
     "What runs as PID 1 in the image: \"systemd\", \"inro\", or an absolute path in the guest.",
     [](D& d) -> Slot { return &d.image.init; },
     {},
     CheckInit},
    {"image.packages",
     ValueKind::kWords,
     false,
     "[]",
     R"(["dbus"])",
     "Packages for the image's init only. A tree is made per init: where both forms have the same "
     "init, both get them.",
     [](D& d) -> Slot { return &d.image.packages; },
     {},
     CheckPackage},
    {"image.format", ValueKind::kChoice, false, R"("ext4")", R"("erofs")",
     "The file system of the image's root partition. The kernel must have it built in.",
     [](D& d) -> Slot { return Choose(d.image.format); }, kDiskFormats},
    {"image.size", ValueKind::kSize, false, "0", R"("256M")",
     "The size of the disk; 0: as small as its content allows.",
     [](D& d) -> Slot { return &d.image.size; }},
    {"image.free", ValueKind::kSize, false, "0", R"("64M")",
     "What stays free in the file system, for ext4 without image.size.",
     [](D& d) -> Slot { return &d.image.free; }},
    {"image.align", ValueKind::kSize, false, R"("2M")", R"("128M")",
     "The disk's size is a multiple of this. NVDIMM wants 2M at least; Kata's own builder rounds "
     "to "
     "128M.",
     [](D& d) -> Slot { return &d.image.align; }},

    {"initrd.init",
     ValueKind::kText,
     false,
     R"("inro")",
     R"("systemd")",
     "What runs as PID 1 in the initrd: \"systemd\", \"inro\", or an absolute path in the guest.",
     [](D& d) -> Slot { return &d.initrd.init; },
     {},
     CheckInit},
    {"initrd.packages",
     ValueKind::kWords,
     false,
     "[]",
     R"(["strace"])",
     "Packages for the initrd's init only; see image.packages.",
     [](D& d) -> Slot { return &d.initrd.packages; },
     {},
     CheckPackage},
    {"initrd.layout", ValueKind::kChoice, false, R"("nested")", R"("flat")",
     "nested: one EROFS file inside a small cpio; boots fastest. flat: every file in the cpio, as "
     "osbuilder does.",
     [](D& d) -> Slot { return Choose(d.initrd.layout); }, kLayouts},
    {"initrd.compression", ValueKind::kChoice, false, R"("none")", R"("zstd")",
     "How a flat cpio is compressed. The body of a nested one is compressed by EROFS and its cpio "
     "is "
     "not: the kernel then starts as fast as with an empty initrd.",
     [](D& d) -> Slot { return Choose(d.initrd.compression); }, kCompressions},

    {"agent.kind", ValueKind::kChoice, false, R"("inro")", R"("binary")",
     "inro: the agent of this project. binary: one of your own, such as Kata's.",
     [](D& d) -> Slot { return Choose(d.agent.kind); }, kAgentKinds},
    {"agent.binary", ValueKind::kPath, false, "", R"("kata-agent")",
     "Your agent; it becomes /usr/bin/kata-agent in the guest.",
     [](D& d) -> Slot { return &d.agent.binary; }},
    {"agent.unit", ValueKind::kPath, false, "", R"("kata-agent.service")",
     "The unit file of your agent; it becomes kata-agent.service. Without it, inro's unit with "
     "your "
     "binary.",
     [](D& d) -> Slot { return &d.agent.unit; }},

    {"services.units", ValueKind::kPaths, false, "[]", R"(["units/hello.service"])",
     "Unit files of your own; they are added and enabled, under every init.",
     [](D& d) -> Slot { return &d.services.units; }},
    {"services.enable",
     ValueKind::kWords,
     false,
     "[]",
     R"(["chrony.service"])",
     "Units of packages that are enabled, as their [Install] sections say.",
     [](D& d) -> Slot { return &d.services.enable; },
     {},
     CheckUnitName},
    {"services.mask",
     ValueKind::kWords,
     false,
     "[]",
     R"(["apt-daily.timer"])",
     "Units that never start.",
     [](D& d) -> Slot { return &d.services.mask; },
     {},
     CheckUnitName},

    {"control.exec", ValueKind::kFlag, false, "", "true",
     "Whether the host may execute programs, copy files and control services over vsock (inro "
     "exec, "
     "cp, console, services). No kernel parameter turns this on. Without it, as debug says.",
     [](D& d) -> Slot { return &d.control_exec; }},
};

constexpr Setting<F> kFileRows[] = {
    {"path",
     ValueKind::kText,
     true,
     "",
     R"("/etc/motd")",
     "Where the file goes in the guest.",
     [](F& f) -> Slot { return &f.path; },
     {},
     CheckGuestPath},
    {"source", ValueKind::kPath, false, "", R"("motd")",
     "The file to copy, or a folder whose content is laid over the guest's at this path.",
     [](F& f) -> Slot { return &f.source; }},
    {"content", ValueKind::kText, false, "", R"("welcome\n")",
     "The text of the file, in place of source.", [](F& f) -> Slot { return &f.content; }},
    {"mode", ValueKind::kMode, false, R"("0644")", R"("0755")",
     "Permissions, in octal. A source that is executable keeps 0755 unless this says otherwise.",
     [](F& f) -> Slot { return &f.mode; }},
    {"user",
     ValueKind::kText,
     false,
     R"("root")",
     R"("_chrony")",
     "The owner.",
     [](F& f) -> Slot { return &f.user; },
     {},
     CheckAccount},
    {"group",
     ValueKind::kText,
     false,
     R"("root")",
     R"("adm")",
     "The group.",
     [](F& f) -> Slot { return &f.group; },
     {},
     CheckAccount},
};

constexpr Setting<U> kUserRows[] = {
    {"name",
     ValueKind::kText,
     true,
     "",
     R"("worker")",
     "The user's name; a group of the same name comes with it.",
     [](U& u) -> Slot { return &u.name; },
     {},
     CheckAccount},
    {"uid", ValueKind::kNumber, false, "", "1000",
     "User and group number. Without it, the next free one of the system range.",
     [](U& u) -> Slot { return &u.uid; }},
    {"home",
     ValueKind::kText,
     false,
     R"("/nonexistent")",
     R"("/home/worker")",
     "The home folder; it is made, with the user as its owner, unless it is /nonexistent.",
     [](U& u) -> Slot { return &u.home; },
     {},
     CheckGuestPath},
    {"shell",
     ValueKind::kText,
     false,
     R"("/usr/sbin/nologin")",
     R"("/bin/sh")",
     "The login shell.",
     [](U& u) -> Slot { return &u.shell; },
     {},
     CheckGuestPath},
    {"groups",
     ValueKind::kWords,
     false,
     "[]",
     R"(["adm"])",
     "Further groups.",
     [](U& u) -> Slot { return &u.groups; },
     {},
     CheckAccount},
};

constexpr Setting<X> kExtensionRows[] = {
    {"name",
     ValueKind::kText,
     true,
     "",
     R"("tools")",
     "The extension's name; the guest sees it at /run/kata-extensions/NAME. At most 10 letters, "
     "digits, '_' and '-'.",
     [](X& x) -> Slot { return &x.name; },
     {},
     CheckExtension},
    {"source", ValueKind::kPath, true, "", R"("tools")",
     "A folder of the host: what the guest sees. Everything in it belongs to root.",
     [](X& x) -> Slot { return &x.source; }},
    {"verity", ValueKind::kFlag, false, "true", "true",
     "Whether the guest verifies it by dm-verity before it mounts it.",
     [](X& x) -> Slot { return &x.verity; }},
};

constexpr Section kSections[] = {
    {"", "Settings at the top of the file, before the first table."},
    {"source", "Where the root file system comes from."},
    {"kernel", "The guest's kernel."},
    {"image", "The form `image`: a raw disk with a root file system."},
    {"initrd", "The form `initrd`: a cpio archive that the kernel unpacks into memory."},
    {"agent", "The program that serves the sandbox's runtime."},
    {"services", "Services are standard systemd units, under every init."},
    {"control", "The host's way into the guest besides the agent."},
    {"[[files]]",
     "Files of your own; one `[[files]]` table each. Later ones replace earlier ones."},
    {"[[users]]", "Users that no package declares; one `[[users]]` table each."},
    {"[[extensions]]",
     "Guest extension images to make beside the guests, and to attach when they are booted; one "
     "`[[extensions]]` table each. [extensions.md](extensions.md) tells more."},
};

}  // namespace

std::span<const Setting<Definition>> DefinitionSettings() { return kRows; }
std::span<const Setting<FileSettings>> FileEntrySettings() { return kFileRows; }
std::span<const Setting<UserSettings>> UserEntrySettings() { return kUserRows; }
std::span<const Setting<ExtensionSettings>> ExtensionEntrySettings() { return kExtensionRows; }
std::span<const Section> Sections() { return kSections; }

std::string_view KindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kText:
      return "text";
    case ValueKind::kChoice:
      return "one word of a list";
    case ValueKind::kFlag:
      return "true or false";
    case ValueKind::kSize:
      return "size";
    case ValueKind::kWords:
      return "list of texts";
    case ValueKind::kPath:
      return "path";
    case ValueKind::kPaths:
      return "list of paths";
    case ValueKind::kMode:
      return "octal mode";
    case ValueKind::kNumber:
      return "whole number";
  }
  return "";
}

}  // namespace inro::image
