// Guests from their start to their end as a user of `inro` has them: by name, several at once, from
// other processes than the one that started them.
#include <gmock/gmock.h>
#include <signal.h>

#include "inro_program.h"

namespace inro::boot_test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Lifecycle : public InroProgram {
 protected:
  void ExpectListed(const std::string& name, const image::Variant& variant);
  void ExpectReachedBy(const std::string& address);
  void ExpectServices(const std::string& guest);
  nlohmann::json Unit(const std::string& guest, const std::string& unit) {
    const nlohmann::json document = Json({"services", guest, "status", unit});
    return document.is_object() ? document.at("units").at(0) : nlohmann::json();
  }
};

void Lifecycle::ExpectListed(const std::string& name, const image::Variant& variant) {
  const nlohmann::json guest = Listed(name);
  ASSERT_TRUE(guest.is_object()) << name << " is not listed";
  EXPECT_EQ(guest.at("state"), "running");
  EXPECT_EQ(guest.at("init"), variant.init);
  EXPECT_EQ(guest.at("form"), "initrd");
  EXPECT_EQ(guest.at("detached"), true);
  EXPECT_GT(guest.at("ready_ms"), 0);
  EXPECT_GT(guest.at("resident_kib"), 0);
  EXPECT_EQ(guest.at("vsock"), run_folder(name) + "/vsock.sock");
  EXPECT_THAT(Done({"ps"}), HasSubstr("\n" + name + " "));
}

// A name, or another address of the same guest: each verb takes it.
void Lifecycle::ExpectReachedBy(const std::string& address) {
  SCOPED_TRACE(address);
  EXPECT_EQ(Done({"exec", address, "--", "sh", "-c", "echo here"}), "here\n");
  EXPECT_TRUE(
      Eventually([&] { return Json({"time", address}).value("state", "") == "synchronised"; }));
  EXPECT_THAT(Done({"time", address}), HasSubstr("reference   the host's clock over vsock"));
  EXPECT_THAT(Done({"logs", address, "--no-follow"}), HasSubstr("Linux version"));
  EXPECT_THAT(Done({"services", address}), HasSubstr("kata-agent.service"));
}

// List, status with the log's last lines, and changes that show in the guest itself.
void Lifecycle::ExpectServices(const std::string& guest) {
  SCOPED_TRACE(guest);
  const nlohmann::json all = Json({"services", guest, "list", "--all"});
  ASSERT_TRUE(all.is_object());
  EXPECT_EQ(all.at("guest"), guest);
  bool target = false;
  for (const auto& unit : all.at("units")) target |= unit.at("unit") == "kata-containers.target";
  EXPECT_TRUE(target);

  const nlohmann::json before = Unit(guest, "chrony");
  ASSERT_TRUE(before.is_object());
  EXPECT_EQ(before.at("active"), "active");
  EXPECT_NE(before.at("pid"), 0);
  EXPECT_GT(before.at("memory_bytes"), 0);
  const std::string status = Done({"services", guest, "status", "chrony.service"});
  EXPECT_THAT(status, HasSubstr("state     active (running)"));
  EXPECT_THAT(status, HasSubstr("chronyd version")) << "the last lines of its log";
  EXPECT_THAT(Done({"services", guest, "status", "chrony", "--lines", "1"}),
              Not(HasSubstr("chronyd version")));

  Done({"services", guest, "restart", "chrony"});
  const nlohmann::json restarted = Unit(guest, "chrony");
  EXPECT_EQ(restarted.at("active"), "active");
  EXPECT_NE(restarted.at("pid"), before.at("pid"));
  EXPECT_EQ(Shell(guest, fmt::format("test -d /proc/{} && echo old; test -d /proc/{} && echo new",
                                     before.at("pid").get<int>(), restarted.at("pid").get<int>())),
            "new\n");

  Done({"services", guest, "stop", "chrony"});
  const sys::RunOutput stopped = Inro({"services", guest, "status", "chrony"});
  EXPECT_EQ(stopped.status, 1) << "a unit that is not active";
  EXPECT_THAT(stopped.out, HasSubstr("inactive (dead)"));
  EXPECT_THAT(Done({"services", guest}), Not(HasSubstr("chrony.service")));
  Done({"services", guest, "start", "chrony"});
  EXPECT_EQ(Unit(guest, "chrony").at("active"), "active");

  const sys::RunOutput unknown = Inro({"services", guest, "start", "no-such"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no-such.service"));
  EXPECT_EQ(Inro({"services", guest, "status", "no-such"}).status, 2);
}

TEST_F(Lifecycle, GuestsOfBothInitsSideBySide) {
  BootDetached(DebianSpec(), kInitrdInro, "one", {"agent.log_vport=1025"});
  if (HasFatalFailure() || IsSkipped()) return;
  ASSERT_NO_FATAL_FAILURE(BootDetached(DebianSpec(), kInitrdSystemd, "two"));
  ExpectListed("one", kInitrdInro);
  ExpectListed("two", kInitrdSystemd);
  for (const char* name : {"one", "two"}) {
    ExpectReachedBy(name);
    ExpectReachedBy(run_folder(name) + "/vsock.sock");
    ExpectServices(name);
  }
  // Two guests, not one of two names.
  EXPECT_NE(Shell("one", "read id </proc/sys/kernel/random/boot_id; echo $id"),
            Shell("two", "read id </proc/sys/kernel/random/boot_id; echo $id"));

  // What no guest is.
  const std::string artifact = Listed("one").at("artifact");
  const sys::RunOutput taken = Inro({"boot", artifact, "--detach", "--name", "one"});
  EXPECT_EQ(taken.status, 1) << taken.err;
  EXPECT_THAT(taken.err, HasSubstr("a guest named \"one\" is running already"));
  const sys::RunOutput unknown = Inro({"time", "three"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no guest named \"three\"; running: one, two"));
  const sys::RunOutput cid = Inro({"services", "vsock://4711"});
  EXPECT_NE(cid.status, 0);
  EXPECT_THAT(cid.err, HasSubstr("guest vsock://4711"));
  EXPECT_EQ(Inro({"services", "vsock://2"}).status, 2);
  EXPECT_EQ(Inro({"services", folder() + "/no.sock"}).status, 2);
  // A mistyped name stops nothing.
  EXPECT_EQ(Inro({"stop", "one", "tow"}).status, 2);
  ExpectListed("one", kInitrdInro);

  // Both in order, and together.
  const sys::RunOutput stopped = Inro({"stop", "one", "two"});
  EXPECT_EQ(stopped.status, 0) << stopped.err;
  EXPECT_EQ(stopped.out, "one\ntwo\n") << "one did not end by its agent";
  const nlohmann::json left = Json({"ps", "--all"});
  EXPECT_TRUE(left.at("guests").empty());
  ASSERT_EQ(left.at("ended").size(), 2u);
  for (const auto& guest : left.at("ended")) {
    EXPECT_EQ(guest.at("end"), "ended with status 0") << guest;
    EXPECT_TRUE(sys::Exists(guest.at("folder").get<std::string>() + "/console.log"));
  }
  const sys::RunOutput gone = Inro({"time", "one"});
  EXPECT_EQ(gone.status, 2);
  EXPECT_THAT(gone.err, HasSubstr("its logs are in"));
  EXPECT_FALSE(sys::Exists(run_folder("one")));
}

// An agent that does not answer, a guest that is killed, and one whose supervisor was.
TEST_F(Lifecycle, EachWayToTheEnd) {
  BootDetached(DebianSpec(), kInitrdInro, "mute");
  if (HasFatalFailure() || IsSkipped()) return;
  const nlohmann::json agent = Unit("mute", "kata-agent");
  ASSERT_TRUE(agent.is_object());
  Shell("mute", fmt::format("kill -STOP {}", agent.at("pid").get<int>()));
  const sys::RunOutput mute = Inro({"stop", "mute", "--timeout", "2"});
  EXPECT_EQ(mute.status, 0) << mute.err;
  EXPECT_THAT(mute.out, HasSubstr("mute (the agent did not power it off; it ended by "));

  ASSERT_NO_FATAL_FAILURE(BootDetached(DebianSpec(), kInitrdInro, "killed"));
  const sys::RunOutput killed = Inro({"stop", "--force", "killed"});
  EXPECT_EQ(killed.status, 0) << killed.err;
  EXPECT_EQ(killed.out, "killed\n");
  EXPECT_EQ(Inro({"stop", "killed"}).status, 2);

  ASSERT_NO_FATAL_FAILURE(BootDetached(DebianSpec(), kInitrdInro, "orphan"));
  const nlohmann::json orphan = Listed("orphan");
  ASSERT_EQ(::kill(orphan.at("pid").get<pid_t>(), SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] { return !Lives(orphan.at("qemu_pid").get<pid_t>()); }))
      << "QEMU has outlived its supervisor";
  // Stale: nobody takes it for a guest, and the next look removes what is left.
  EXPECT_EQ(Inro({"time", "orphan"}).status, 2);
  EXPECT_TRUE(sys::Exists(run_folder("orphan")));
  const sys::RunOutput swept = Inro({"ps", "--format", "json"});
  EXPECT_EQ(swept.status, 0);
  EXPECT_THAT(swept.err, HasSubstr("removed what 1 guest left behind"));
  EXPECT_THAT(swept.out, HasSubstr("\"guests\": []"));
  EXPECT_FALSE(sys::Exists(run_folder("orphan")));
  EXPECT_EQ(Inro({"ps"}).err, "");
}

// What is not allowed by the definition is refused, and told why; what only reads is not.
TEST_F(Lifecycle, ServicesOfAClosedGuestAreReadOnly) {
  GuestSpec spec = DebianWith("closed-services", "", "", {kInitrdInro});
  const std::string open = "\ndebug = true\n";
  const std::size_t at = spec.text.find(open);
  ASSERT_NE(at, std::string::npos);
  spec.text.erase(at, open.size());
  BootDetached(spec, kInitrdInro, "closed");
  if (HasFatalFailure() || IsSkipped()) return;
  const nlohmann::json before = Unit("closed", "chrony");
  ASSERT_TRUE(before.is_object());
  EXPECT_EQ(before.at("active"), "active");
  for (const char* action : {"stop", "start", "restart", "reload", "reset-failed"}) {
    const sys::RunOutput refused = Inro({"services", "closed", action, "chrony"});
    EXPECT_EQ(refused.status, 1) << action;
    EXPECT_THAT(refused.err, HasSubstr("debug = true")) << action;
  }
  EXPECT_EQ(Inro({"exec", "closed", "--", "true"}).status, 1);
  EXPECT_EQ(Unit("closed", "chrony").at("pid"), before.at("pid"));
  EXPECT_EQ(Done({"stop", "closed"}), "closed\n");
}

}  // namespace
}  // namespace inro::boot_test
