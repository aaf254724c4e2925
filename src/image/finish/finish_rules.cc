// The table of finishing rules, in the order of their application.
#include "image/finish/account_rules.h"
#include "image/finish/alternatives.h"
#include "image/finish/file_rules.h"
#include "image/finish/inventory.h"
#include "image/finish/layout_rules.h"
#include "image/finish/library_cache.h"
#include "image/finish/rule.h"
#include "image/finish/tmpfiles.h"
#include "image/finish/units.h"

namespace inro::image {
namespace {

constexpr RuleUse kWithoutScripts = RuleUse::kWithoutScripts;
constexpr RuleUse kAlways = RuleUse::kAlways;

constexpr Rule kRules[] = {
    {"merged-usr", "usrmerge and usr-is-merged; base-files' links", "", kWithoutScripts,
     ApplyMergedUsr},
    {"mount-points", "base-files' folders", "", kAlways, ApplyFileRows},
    {"base-passwd", "base-passwd preinst and postinst, shadowconfig on", "", kWithoutScripts,
     ApplyMasterAccounts},
    {"sysusers", "systemd-sysusers", "", kWithoutScripts, ApplySysusersFiles},
    {"adduser", "adduser and addgroup in postinst scripts", "", kWithoutScripts,
     ApplyDeclaredAccounts},
    {"users", "users of the definition", "", kAlways, ApplyGuestUsers},
    {"login-files", "login and base-passwd postinst", "login login.defs passwd base-passwd",
     kWithoutScripts, ApplySubordinateIds},
    {"base-files", "base-files postinst", "base-files", kWithoutScripts, ApplyFileRows},
    {"nsswitch", "libc-bin postinst", "libc-bin", kWithoutScripts, ApplyFileRows},
    {"shells", "update-shells", "debianutils", kWithoutScripts, ApplyShells},
    {"netbase", "netbase postinst", "netbase", kWithoutScripts, ApplyFileRows},
    {"hosts", "netbase postinst, the installer", "", kAlways, ApplyFileRows},
    {"timezone", "tzdata postinst", "tzdata", kWithoutScripts, ApplyFileRows},
    {"pam-files", "libpam-modules postinst", "libpam-modules", kWithoutScripts, ApplyFileRows},
    {"pam-common", "pam-auth-update", "libpam-runtime", kWithoutScripts, ApplyPamCommon},
    {"kmod-files", "kmod postinst", "kmod", kWithoutScripts, ApplyFileRows},
    {"libwrap-files", "libwrap0 postinst", "libwrap0", kWithoutScripts, ApplyFileRows},
    {"chrony-files", "ucf and dpkg-statoverride in chrony postinst", "chrony", kWithoutScripts,
     ApplyFileRows},
    {"chrony-reference", "the host's clock as chrony's reference", "chrony", kAlways,
     ApplyFileRows},
    {"openssh-files", "openssh postinst scripts", "openssh-server openssh-client", kWithoutScripts,
     ApplyFileRows},
    {"ssh-host-keys", "ssh-keygen in openssh-server postinst", "openssh-server", kAlways,
     ApplyFileRows},
    {"ssh-connection", "a unit by hand, for ssh.socket with Accept=yes", "openssh-server", kAlways,
     ApplyFileRows},
    {"dbus-files", "dbus postinst scripts", "dbus dbus-daemon", kWithoutScripts, ApplyFileRows},
    {"redis-files", "redis postinst scripts", "redis-tools redis-server", kWithoutScripts,
     ApplyFileRows},
    {"nginx-files", "nginx-common postinst", "nginx-common", kWithoutScripts, ApplyFileRows},
    {"nginx-modules", "libnginx-mod-* postinst", "nginx-common", kWithoutScripts,
     ApplyNginxModules},
    {"cron-files", "cron postinst scripts", "cron cron-daemon-common", kWithoutScripts,
     ApplyFileRows},
    {"rsyslog-files", "rsyslog postinst", "rsyslog", kWithoutScripts, ApplyFileRows},
    {"syslog-socket", "package systemd, for syslog daemons",
     "rsyslog syslog-ng-core busybox-syslogd", kAlways, ApplyFileRows},
    {"alternatives", "update-alternatives", "", kWithoutScripts, ApplyAlternatives},
    {"tmp-mount", "a manual copy of tmp.mount", "", kAlways, ApplyFileRows},
    {"tmpfiles", "systemd-tmpfiles", "", kWithoutScripts, ApplyTmpfiles},
    {"units", "deb-systemd-helper enable, systemctl enable", "", kAlways, ApplyUnitEnablement},
    {"masks", "systemctl mask", "", kAlways, ApplyUnitMasks},
    {"default-target", "systemctl set-default", "", kAlways, ApplyDefaultTarget},
    {"init-link", "systemd-sysv's link", "", kAlways, ApplyInitLink},
    {"hostname", "the installer", "", kAlways, ApplyHostname},
    {"resolv-conf", "the installer", "", kAlways, ApplyResolvConf},
    {"os-release", "base-files' link", "", kAlways, ApplyOsRelease},
    {"inventory", "dpkg", "", kWithoutScripts, ApplyInventory},
    {"secrets", "ssh-keygen, systemd-machine-id-setup", "", kAlways, RemoveSecrets},
    {"machine-id", "systemd-machine-id-setup, dbus-uuidgen", "", kAlways, ApplyMachineId},
    {"volatile", "the first boot", "", kAlways, EmptyVolatile},
    {"device-nodes", "the installer", "", kAlways, ApplyDeviceNodes},
    {"prune", "dpkg's path-exclude", "", kAlways, ApplyPrune},
    {"set-id-bits", "dpkg-statoverride by hand", "", kAlways, ClearSetIdBits},
    {"copyrights", "nothing", "", kAlways, ShareCopyrights},
    {"library-cache", "ldconfig", "", kAlways, ApplyLibraryCache},
};

}  // namespace

std::span<const Rule> FinishRules() { return kRules; }

}  // namespace inro::image
