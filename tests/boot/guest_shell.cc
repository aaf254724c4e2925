#include "guest_shell.h"

#include <fcntl.h>

#include "sys/file.h"
#include "vmm/control/control_call.h"
#include "vmm/control/exec_session.h"

namespace inro::boot_test {

ShellResult RunInGuest(GuestRun& run, const std::string& script) {
  ShellResult ran;
  const auto client = run.DialControl();
  EXPECT_TRUE(client) << client.error().ToString();
  if (!client) return ran;
  vmm::ExecSession session(**client);
  const auto started = session.Start({.argv = {"timeout", "120", "bash", "-c", script}});
  EXPECT_TRUE(started) << started.error().ToString();
  if (!started) return ran;
  if (started->id == 0) return {vmm::StatusOfFailedStart(*started), started->message};
  const auto folder = sys::TempDir::Create("inro-shell");
  EXPECT_TRUE(folder);
  if (!folder) return ran;
  const std::string file = folder->path() + "/out";
  const auto out = sys::Open(file, O_WRONLY | O_CREAT | O_APPEND);
  EXPECT_TRUE(out);
  if (!out) return ran;
  const auto end = session.Run({.out = out->get(), .err = out->get()});
  EXPECT_TRUE(end) << end.error().ToString();
  if (end) ran.status = end->ExitStatus();
  ran.out = sys::ReadFile(file).value_or("");
  return ran;
}

}  // namespace inro::boot_test
