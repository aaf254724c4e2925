#include "guest_shell.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "sys/file.h"
#include "vmm/control/control_call.h"
#include "vmm/control/exec_session.h"

namespace inro::boot_test {

Result<Ran> RunProgram(GuestRun& run, const protocol::ExecStartRequest& request, int in) {
  INRO_ASSIGN(const auto client, run.DialControl());
  vmm::ExecSession session(*client);
  INRO_ASSIGN(const auto started, session.Start(request));
  if (started.id == 0) return Ran{vmm::StatusOfFailedStart(started), started.message};
  INRO_ASSIGN(const auto folder, sys::TempDir::Create("inro-run"));
  const std::string file = folder.path() + "/out";
  INRO_ASSIGN(const UniqueFd out, sys::Open(file, O_WRONLY | O_CREAT | O_APPEND));
  INRO_ASSIGN(const auto end, session.Run({.in = in, .out = out.get(), .err = out.get()}));
  INRO_ASSIGN(std::string text, sys::ReadFile(file));
  return Ran{end.ExitStatus(), std::move(text)};
}

Ran RunInGuest(GuestRun& run, const std::string& script) {
  auto ran = RunProgram(run, {.argv = {"timeout", "120", "bash", "-c", script}});
  EXPECT_TRUE(ran) << ran.error().ToString();
  return std::move(ran).value_or(Ran{});
}

std::string AskConsole(int fd, const std::string& command, const std::string& until) {
  const std::string line = command + "\n";
  std::string text;
  if (::send(fd, line.data(), line.size(), MSG_NOSIGNAL) < 0) return text;
  const timeval limit{.tv_sec = 120, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char bytes[4096];
  while (text.find(until) == std::string::npos) {
    const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) break;
    text.append(bytes, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace inro::boot_test
