// Services of Debian as their packages have them, under both inits: each is proved by what it does.
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <ostream>
#include <set>
#include <thread>

#include "guest_run.h"
#include "guest_shell.h"
#include "sys/file.h"
#include "sys/subprocess.h"
#include "tcp_relay.h"

namespace inro::boot_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::uint32_t kSshPort = 22;

// The begin of a script: waits for a condition, for a minute and a half at most.
std::string Until(std::string_view condition) {
  return fmt::format(
      "for i in {{1..180}}; do {} 2> /dev/null && break; test $i = 180 && exit 9; sleep 0.5; "
      "done; ",
      condition);
}

// The lines of the definition that only a guest with package systemd has.
constexpr std::string_view kOfSystemd[] = {"  \"systemd\",", "  \"udev\",",
                                           "  \"systemd-networkd.service\","};

struct Guest {
  std::string name;
  image::Variant variant;
  bool has_systemd;  // the package: udevd, networkd, journald, and whoever is PID 1
};
std::ostream& operator<<(std::ostream& out, const Guest& guest) { return out << guest.name; }

class Packages : public BootTest, public ::testing::WithParamInterface<Guest> {
 protected:
  GuestSpec Spec() {
    GuestSpec spec;
    const auto text = sys::ReadFile(INRO_SOURCE_DIR "/tests/boot/packages/image.toml");
    EXPECT_TRUE(text) << text.error().ToString();
    spec.text = text.value_or("");
    if (GetParam().has_systemd) {
      spec.name = "packages";
      spec.variants = {kInitrdInro, kInitrdSystemd};
      return spec;
    }
    spec.name = "packages-alone";
    spec.variants = {kInitrdInro};
    for (const std::string_view line : kOfSystemd) {
      const std::size_t at = spec.text.find(line);
      EXPECT_NE(at, std::string::npos) << line;
      if (at != std::string::npos) spec.text.erase(at, spec.text.find('\n', at) + 1 - at);
    }
    const std::string name = "name = \"packages\"";
    spec.text.replace(spec.text.find(name), name.size(), "name = \"packages-alone\"");
    return spec;
  }
  std::string Shell(const std::string& script) {
    const Ran ran = RunInGuest(*run_, script);
    EXPECT_EQ(ran.status, 0) << script << "\n" << ran.out;
    return ran.out;
  }
  // What `systemctl show` says of a unit, as NAME=VALUE lines.
  std::string Show(const std::string& unit, const std::string& properties) {
    return Shell(fmt::format("systemctl show -p {} {}", properties, unit));
  }
  void WaitForTarget();
  std::set<std::string> SshUnits();
  // A connection to sshd and the first line it says.
  UniqueFd ConnectToSsh(std::string& banner);

  void Nginx();
  void Redis();
  void Udev();
  void Networkd();
  void Bus();
  void Rsyslog();
  void Chrony();
  void SshPerConnection();
  void SshLogin();
  void Cron();
};

// The control role answers once the target is reached; some calls may end before.
void Packages::WaitForTarget() {
  const auto deadline = std::chrono::steady_clock::now() + 180s;
  std::string seen = "nothing";
  while (seen != "active" && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(200ms);
    const auto state = run_->State();
    if (!state) {
      seen = state.error().ToString();
      continue;
    }
    const auto* target = UnitNamed(*state, "kata-containers.target");
    seen = target == nullptr ? "not loaded" : target->state;
  }
  ASSERT_EQ(seen, "active");
}

void Packages::Nginx() {
  const std::string page = Shell(
      "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3; "
      "stat -c %U /proc/$(pgrep -f 'nginx: worker' | head -n 1)");
  EXPECT_THAT(page, HasSubstr("200 OK"));
  EXPECT_THAT(page, HasSubstr("Welcome to nginx!"));
  EXPECT_THAT(page, HasSubstr("\nwww-data\n"));
}

void Packages::Redis() {
  EXPECT_EQ(Shell("redis-cli ping; redis-cli set key value; redis-cli get key; "
                  "stat -c %U /proc/$(pgrep redis-server); "
                  "redis-cli save; stat -c %U:%G /var/lib/redis/dump.rdb"),
            "PONG\nOK\nvalue\nredis\nOK\nredis:redis\n");
}

void Packages::Udev() {
  const std::string info =
      Shell("udevadm settle; udevadm info /dev/null; readlink /dev/inro/nothing");
  EXPECT_THAT(info, HasSubstr("E: SUBSYSTEM=mem"));
  EXPECT_THAT(info, HasSubstr("E: INRO_RULE=applied"));
  EXPECT_THAT(info, HasSubstr("\n../null\n"));
  // An event that comes after the boot.
  EXPECT_THAT(Shell("udevadm trigger --settle --action=change /dev/zero; udevadm info /dev/zero"),
              HasSubstr("E: INRO_ACTION=change"));
}

void Packages::Networkd() {
  EXPECT_THAT(Shell(Until("ip -o address show dev inro0 | grep -q 'inet '") +
                    "ip -o address show dev inro0; networkctl --no-pager status inro0"),
              ::testing::AllOf(HasSubstr("inet 192.0.2.7/24"), HasSubstr("10-dummy.network")));
  EXPECT_THAT(Show("systemd-networkd.service", "ActiveState"), HasSubstr("=active"));
}

void Packages::Bus() {
  EXPECT_THAT(
      Shell("dbus-send --system --print-reply --dest=org.freedesktop.DBus / "
            "org.freedesktop.DBus.ListNames; stat -c %U /proc/$(pgrep dbus-daemon)"),
      ::testing::AllOf(HasSubstr("string \"org.freedesktop.DBus\""), HasSubstr("\nmessagebus\n")));
  // Its socket has started it.
  EXPECT_THAT(Show("dbus.socket", "SubState"), HasSubstr("=running"));
  if (!GetParam().has_systemd) return;
  // Up once it owns its name.
  EXPECT_THAT(Show("systemd-hostnamed.service", "ActiveState,Type"),
              ::testing::AllOf(HasSubstr("ActiveState=inactive"), HasSubstr("Type=dbus")));
  EXPECT_THAT(Shell("systemctl start systemd-hostnamed.service; systemctl show -p ActiveState "
                    "systemd-hostnamed.service; dbus-send --system --print-reply "
                    "--dest=org.freedesktop.hostname1 /org/freedesktop/hostname1 "
                    "org.freedesktop.DBus.Properties.Get string:org.freedesktop.hostname1 "
                    "string:Hostname"),
              ::testing::AllOf(HasSubstr("ActiveState=active"), HasSubstr("string \"packages\"")));
}

void Packages::Rsyslog() {
  EXPECT_THAT(Shell("logger -t inro-test -p user.notice said by logger; " +
                    Until("grep -q 'said by logger' /var/log/syslog") +
                    "grep said /var/log/syslog; stat -c %G:%a /var/log/syslog"),
              ::testing::AllOf(HasSubstr("inro-test: said by logger"), HasSubstr("adm:640")));
  // A service's output, what another facility's file has, and the kernel's own.
  EXPECT_THAT(
      Shell("systemctl start say.service; " + Until("grep -q 'said by a service' /var/log/syslog") +
            "grep 'said by a service' /var/log/syslog"),
      HasSubstr("echo["));
  const std::string status = "systemctl --no-pager status say.service";
  EXPECT_THAT(Shell(Until(status + " | grep -q 'said by a service'") + status + " || true"),
              HasSubstr("]: said by a service"));
  EXPECT_THAT(Shell("logger -t inro-test -p authpriv.notice kept apart; " +
                    Until("grep -q 'kept apart' /var/log/auth.log") + "cat /var/log/auth.log"),
              HasSubstr("inro-test: kept apart"));
  Shell("grep -q 'kernel: .*Linux version' /var/log/syslog");
}

void Packages::Chrony() {
  EXPECT_THAT(Shell("chronyc tracking; stat -c %U /proc/$(pgrep -o chronyd)"),
              ::testing::AllOf(HasSubstr("Reference ID"), HasSubstr("\n_chrony\n")));
}

std::set<std::string> Packages::SshUnits() {
  std::set<std::string> units;
  const auto state = run_->State();
  EXPECT_TRUE(state) << state.error().ToString();
  if (!state) return units;
  for (const auto& process : state->processes) {
    if (process.name == "sshd") units.insert(process.unit);
  }
  return units;
}

UniqueFd Packages::ConnectToSsh(std::string& banner) {
  auto socket = run_->guest().Connect(kSshPort, kCallLimit);
  EXPECT_TRUE(socket) << socket.error().ToString();
  if (!socket) return {};
  // The first connections may come before the host keys are made.
  char byte = 0;
  while (byte != '\n') {
    pollfd waiting{socket->get(), POLLIN, 0};
    if (::poll(&waiting, 1, 120'000) != 1 || ::read(socket->get(), &byte, 1) != 1) break;
    banner += byte;
  }
  return std::move(*socket);
}

void Packages::SshPerConnection() {
  EXPECT_EQ(SshUnits(), std::set<std::string>{});
  std::string one_says;
  std::string two_says;
  UniqueFd one = ConnectToSsh(one_says);
  UniqueFd two = ConnectToSsh(two_says);
  EXPECT_THAT(one_says, ::testing::StartsWith("SSH-2.0-OpenSSH"));
  EXPECT_EQ(one_says, two_says);
  const std::set<std::string> units = SshUnits();
  EXPECT_EQ(units.size(), 2U) << ::testing::PrintToString(units);
  for (const std::string& unit : units) EXPECT_THAT(unit, ::testing::StartsWith("ssh@"));
  one.reset();
  two.reset();
  bool gone = false;
  for (int i = 0; i < 120 && !gone; ++i) {
    std::this_thread::sleep_for(500ms);
    gone = SshUnits().empty();
  }
  EXPECT_TRUE(gone);
  EXPECT_THAT(Show("ssh-host-keys.service", "ActiveState"), HasSubstr("=active"));
}

void Packages::SshLogin() {
  const auto folder = sys::TempDir::Create("inro-ssh");
  ASSERT_TRUE(folder);
  const std::string key = folder->path() + "/key";
  const auto made = sys::Run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key});
  if (!made) {
    std::fprintf(stderr, "  no ssh-keygen here: the login is not tried\n");
    return;
  }
  ASSERT_EQ(made->status, 0) << made->err;
  const auto public_key = sys::ReadFile(key + ".pub");
  ASSERT_TRUE(public_key);
  Shell(fmt::format("umask 077; mkdir -p /root/.ssh; echo '{}' > /root/.ssh/authorized_keys",
                    public_key->substr(0, public_key->find('\n'))));
  auto socket = run_->guest().Connect(kSshPort, kCallLimit);
  ASSERT_TRUE(socket) << socket.error().ToString();
  const auto relay = TcpRelay::Start(std::move(*socket));
  ASSERT_TRUE(relay) << relay.error().ToString();
  const auto login =
      sys::Run({"ssh", "-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p",
                std::to_string(relay->port()), "root@127.0.0.1", "id; exit 7"},
               {.timeout = 120'000ms});
  ASSERT_TRUE(login) << login.error().ToString();
  EXPECT_EQ(login->status, 7) << login->err;
  EXPECT_THAT(login->out, HasSubstr("uid=0(root)"));
}

void Packages::Cron() {
  EXPECT_EQ(Shell(Until("test -s /run/cron-ran") + "cat /run/cron-ran"), "cron ran as root\n");
}

TEST_P(Packages, DoTheirWork) {
  INRO_BOOT(Spec(), GetParam().variant);
  ASSERT_NO_FATAL_FAILURE(WaitForTarget());
  SshPerConnection();
  SshLogin();
  Nginx();
  Redis();
  if (GetParam().has_systemd) {
    Udev();
    Networkd();
  }
  Bus();
  Rsyslog();
  Chrony();
  Cron();
  ExpectHealthy();
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Debian, Packages,
                         ::testing::Values(Guest{"inro_alone", kInitrdInro, false},
                                           Guest{"inro", kInitrdInro, true},
                                           Guest{"systemd", kInitrdSystemd, true}),
                         [](const auto& guest) { return guest.param.name; });

}  // namespace
}  // namespace inro::boot_test
