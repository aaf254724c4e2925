// The table behind ApplyFileRows: what maintainer scripts copy, write and chown.
#include "image/finish/file_rules.h"

namespace inro::image {
namespace {

using enum FileAction;

constexpr std::string_view kHosts =
    "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n"
    "ff02::1\t\tip6-allnodes\nff02::2\t\tip6-allrouters\n\n";
constexpr std::string_view kNetworks =
    "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n";
// Host keys are never in an artifact: each guest makes its own when it boots, and whoever connects
// before they are made waits.
constexpr std::string_view kHostKeys =
    "[Unit]\n"
    "Description=Host keys of sshd\n"
    "ConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n"
    "RemainAfterExit=yes\n"
    "ExecStart=/usr/bin/ssh-keygen -A\n";
// For an ssh.socket with Accept=yes, which one of vsock needs: Debian's sshd takes no listening
// socket but those of IP.
constexpr std::string_view kSshConnection =
    "[Unit]\n"
    "Description=OpenSSH server for one connection\n"
    "Documentation=man:sshd(8) man:sshd_config(5)\n"
    "\n"
    "[Service]\n"
    "EnvironmentFile=-/etc/default/ssh\n"
    "ExecStart=-/usr/sbin/sshd -i $SSHD_OPTS\n"
    "StandardInput=socket\n"
    "StandardError=journal\n"
    "RuntimeDirectory=sshd\n"
    "RuntimeDirectoryMode=0755\n"
    "RuntimeDirectoryPreserve=yes\n";
constexpr std::string_view kAfterHostKeys =
    "[Unit]\nWants=ssh-host-keys.service\nAfter=ssh-host-keys.service\n";
constexpr std::string_view kWithHostKeys = "[Unit]\nWants=ssh-host-keys.service\n";

// No time servers of the network: the reference is the host's clock, and what role `clock` steps is
// not to be stepped to something else. No command port: chronyc speaks through the socket.
constexpr std::string_view kChronyConf =
    "# chrony in a guest, whose reference is its host's clock. More sources: a file NAME.conf in\n"
    "# conf.d, or NAME.sources in sources.d.\n"
    "confdir /etc/chrony/conf.d\n"
    "sourcedir /run/chrony-dhcp\n"
    "sourcedir /etc/chrony/sources.d\n"
    "keyfile /etc/chrony/chrony.keys\n"
    "driftfile /var/lib/chrony/chrony.drift\n"
    "ntsdumpdir /var/lib/chrony\n"
    "logdir /var/log/chrony\n"
    "cmdport 0\n"
    "maxupdateskew 100.0\n"
    "rtcsync\n"
    "makestep 1 -1\n";
// A file of its own: a chrony.conf that came with the tree includes it too.
constexpr std::string_view kChronyReference =
    "# The refclock line of this boot is written there.\nconfdir /run/inro/chrony.d\n";

// As package systemd has it. Without it, a syslog daemon still gets what the guest's log takes.
constexpr std::string_view kSyslogSocket =
    "[Unit]\n"
    "Description=Syslog Socket\n"
    "DefaultDependencies=no\n"
    "Before=sockets.target shutdown.target\n"
    "Conflicts=shutdown.target\n"
    "\n"
    "[Socket]\n"
    "ListenDatagram=/run/systemd/journal/syslog\n"
    "SocketMode=0666\n"
    "PassCredentials=yes\n"
    "ReceiveBuffer=8M\n"
    "Service=syslog.service\n";

constexpr FileRow kRows[] = {
    // Mount points and folders without which no init starts.
    {"mount-points", "", kFolder, "proc", "", 0755, "root", "root"},
    {"mount-points", "", kFolder, "sys", "", 0755, "root", "root"},
    {"mount-points", "", kFolder, "dev", "", 0755, "root", "root"},
    {"mount-points", "", kFolder, "run", "", 0755, "root", "root"},
    {"mount-points", "", kFolder, "tmp", "", 01777, "root", "root"},
    {"mount-points", "", kFolder, "root", "", 0700, "root", "root"},
    {"mount-points", "", kFolder, "etc", "", 0755, "root", "root"},
    {"mount-points", "", kFolder, "var/tmp", "", 01777, "root", "root"},
    {"mount-points", "", kFolder, "mnt", "", 0755, "root", "root"},
    {"mount-points", "", kLink, "var/run", "/run", 0777, "root", "root"},
    {"mount-points", "", kLink, "var/lock", "/run/lock", 0777, "root", "root"},

    {"base-files", "base-files", kCopy, "etc/profile", "usr/share/base-files/profile", 0644, "root",
     "root"},
    {"base-files", "base-files", kCopy, "etc/motd", "usr/share/base-files/motd", 0644, "root",
     "root"},
    {"base-files", "base-files", kCopy, "root/.bashrc", "usr/share/base-files/dot.bashrc", 0644,
     "root", "root"},
    {"base-files", "base-files", kCopy, "root/.profile", "usr/share/base-files/dot.profile", 0644,
     "root", "root"},
    {"base-files", "base-files", kLink, "etc/dpkg/origins/default", "debian", 0777, "root", "root"},
    {"base-files", "base-files", kFolder, "srv", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "opt", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "media", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "etc/opt", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "var/opt", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "var/mail", "", 02775, "root", "mail"},
    {"base-files", "base-files", kLink, "var/spool/mail", "../mail", 0777, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/bin", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/etc", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/games", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/include", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/lib", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/sbin", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/share", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/src", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/libexec", "", 0755, "root", "root"},
    {"base-files", "base-files", kFolder, "usr/local/share/man", "", 0755, "root", "root"},
    {"base-files", "base-files", kLink, "usr/local/man", "share/man", 0777, "root", "root"},
    {"base-files", "base-files", kText, "var/log/wtmp", "", 0664, "root", "utmp"},
    {"base-files", "base-files", kText, "var/log/btmp", "", 0660, "root", "utmp"},
    {"base-files", "base-files", kText, "var/log/lastlog", "", 0664, "root", "utmp"},

    {"nsswitch", "libc-bin", kCopy, "etc/nsswitch.conf", "usr/share/libc-bin/nsswitch.conf", 0644,
     "root", "root"},
    {"netbase", "netbase", kText, "etc/networks", kNetworks, 0644, "root", "root"},
    {"hosts", "", kText, "etc/hosts", kHosts, 0644, "root", "root"},

    {"timezone", "tzdata", kText, "etc/timezone", "Etc/UTC\n", 0644, "root", "root"},
    {"timezone", "tzdata", kLink, "etc/localtime", "/usr/share/zoneinfo/Etc/UTC", 0777, "root",
     "root"},

    {"pam-files", "libpam-modules", kText, "etc/security/opasswd", "", 0600, "root", "root"},
    {"pam-files", "libpam-modules", kText, "etc/environment", "", 0644, "root", "root"},

    {"kmod-files", "kmod", kText, "etc/modules", "# Modules to load at boot, one name a line.\n",
     0644, "root", "root"},
    {"libwrap-files", "libwrap0", kText, "etc/hosts.allow",
     "# Who may use the services under TCP wrappers; see hosts_access(5).\n", 0644, "root", "root"},
    {"libwrap-files", "libwrap0", kText, "etc/hosts.deny", "# Who may not; see hosts_access(5).\n",
     0644, "root", "root"},

    {"chrony-files", "chrony", kText, "etc/chrony/chrony.conf", kChronyConf, 0644, "root", "root"},
    {"chrony-reference", "chrony", kText, "etc/chrony/conf.d/inro.conf", kChronyReference, 0644,
     "root", "root"},
    {"chrony-files", "chrony", kCopy, "etc/chrony/chrony.keys", "usr/share/chrony/chrony.keys",
     0640, "root", "_chrony"},
    {"chrony-files", "chrony", kOverride, "etc/chrony/chrony.keys", "", 0640, "root", "_chrony"},
    {"chrony-files", "chrony", kFolder, "var/lib/chrony", "", 0750, "_chrony", "_chrony"},
    {"chrony-files", "chrony", kFolder, "var/log/chrony", "", 0750, "_chrony", "_chrony"},

    {"openssh-files", "openssh-server", kCopy, "etc/ssh/sshd_config",
     "usr/share/openssh/sshd_config", 0644, "root", "root"},
    {"openssh-files", "openssh-client", kOverride, "usr/bin/ssh-agent", "", 02755, "root", "_ssh"},

    {"ssh-host-keys", "openssh-server", kText, "usr/lib/systemd/system/ssh-host-keys.service",
     kHostKeys, 0644, "root", "root"},
    {"ssh-host-keys", "openssh-server", kText,
     "usr/lib/systemd/system/ssh.service.d/host-keys.conf", kAfterHostKeys, 0644, "root", "root"},
    {"ssh-host-keys", "openssh-server", kText,
     "usr/lib/systemd/system/ssh@.service.d/host-keys.conf", kAfterHostKeys, 0644, "root", "root"},
    {"ssh-host-keys", "openssh-server", kText, "usr/lib/systemd/system/ssh.socket.d/host-keys.conf",
     kWithHostKeys, 0644, "root", "root"},

    {"ssh-connection", "openssh-server", kText, "usr/lib/systemd/system/ssh@.service",
     kSshConnection, 0644, "root", "root"},

    {"dbus-files", "dbus", kOverride, "usr/lib/dbus-1.0/dbus-daemon-launch-helper", "", 04754,
     "root", "messagebus"},
    {"dbus-files", "dbus-daemon", kFolder, "var/lib/dbus", "", 0755, "root", "root"},
    {"dbus-files", "dbus-daemon", kLink, "var/lib/dbus/machine-id", "/etc/machine-id", 0777, "root",
     "root"},

    {"redis-files", "redis-tools", kFolder, "var/log/redis", "", 02750, "redis", "adm"},
    {"redis-files", "redis-tools", kFolder, "var/lib/redis", "", 0750, "redis", "redis"},
    {"redis-files", "redis-tools", kFolder, "etc/redis", "", 02770, "redis", "redis"},
    {"redis-files", "redis-server", kOverride, "etc/redis/redis.conf", "", 0640, "redis", "redis"},

    {"nginx-files", "nginx-common", kFolder, "var/log/nginx", "", 0755, "root", "adm"},
    {"nginx-files", "nginx-common", kLink, "etc/nginx/sites-enabled/default",
     "/etc/nginx/sites-available/default", 0777, "root", "root"},
    {"nginx-files", "nginx-common", kCopy, "var/www/html/index.nginx-debian.html",
     "usr/share/nginx/html/index.html", 0644, "root", "root"},

    {"cron-files", "cron-daemon-common", kOverride, "var/spool/cron/crontabs", "", 01730, "root",
     "crontab"},
    {"cron-files", "cron", kOverride, "usr/bin/crontab", "", 02755, "root", "crontab"},
    {"rsyslog-files", "rsyslog", kFolder, "var/spool/rsyslog", "", 0700, "root", "root"},

    {"syslog-socket", "rsyslog syslog-ng-core busybox-syslogd", kText,
     "usr/lib/systemd/system/syslog.socket", kSyslogSocket, 0644, "root", "root"},

    {"tmp-mount", "", kCopy, "usr/lib/systemd/system/tmp.mount", "usr/share/systemd/tmp.mount",
     0644, "root", "root"},
};

}  // namespace

std::span<const FileRow> FileRows() { return kRows; }

}  // namespace inro::image
