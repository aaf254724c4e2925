#include "compare/host_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "sys/file.h"
#include "vmm/control/control_call.h"
#include "vmm/control/copy.h"
#include "vmm/control/exec_session.h"

namespace inro::compare {
namespace {

using std::chrono::milliseconds;
using Evidence = Result<std::string>;

constexpr milliseconds kConnectLimit{20'000};
constexpr milliseconds kAnswerLimit{30'000};
constexpr std::string_view kProgram = "/usr/bin/inro-guest";
constexpr std::string_view kCopied = "/tmp/.inro-probe-program";

protocol::Finding Found(std::string_view feature, const Evidence& evidence) {
  return {std::string(feature), evidence.has_value(),
          evidence ? *evidence : evidence.error().ToString()};
}

// What comes over a connection, until `text` is in it.
Evidence ReadUntil(int fd, std::string_view text, milliseconds limit) {
  std::string shown;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (shown.find(text) == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) {
      return Fail("no shell answered within {} s; it said: {}", limit.count() / 1000, shown);
    }
    char bytes[4096];
    const ssize_t got = ::read(fd, bytes, sizeof bytes);
    if (got <= 0) return Fail("the console hung up; it said: {}", shown);
    shown.append(bytes, static_cast<std::size_t>(got));
  }
  return shown;
}

bool IsConsole(const protocol::ProcessState& process) {
  return process.unit.starts_with("inro-console");
}

Evidence TryConsole(const vmm::Guest& guest, const protocol::StateResponse& before) {
  if (const auto process = std::ranges::find_if(before.processes, IsConsole);
      process != before.processes.end()) {
    return Fail("{} (pid {}) ran before anybody had connected", process->name, process->pid);
  }
  auto connection = guest.Connect(kConsolePort, kConnectLimit);
  if (!connection) return std::unexpected(connection.error().Wrap("connect to vsock 1026"));
  // The answer is not in the command as it was typed, which a terminal shows too.
  INRO_TRY(sys::WriteAll(connection->get(), "test -t 0 && echo shell-$$-says-$((6*7))\n",
                         "the console"));
  INRO_ASSIGN(const std::string shown, ReadUntil(connection->get(), "-says-42", kAnswerLimit));
  const std::size_t end = shown.find("-says-42");
  std::size_t start = end;
  while (start > 0 && std::isdigit(static_cast<unsigned char>(shown[start - 1])) != 0) --start;
  return fmt::format(
      "on vsock {} a shell (pid {}) on a terminal answered; no process of it before the connection",
      kConsolePort, shown.substr(start, end - start));
}

Result<std::unique_ptr<wire::Client>> DialControl(const vmm::Guest& guest) {
  INRO_ASSIGN(UniqueFd socket, guest.Connect(protocol::kControlPort, kConnectLimit));
  return std::make_unique<wire::Client>(std::move(socket));
}

struct Ran {
  vmm::ExecEnd end;
  std::string out;
};

Result<Ran> RunInGuest(const vmm::Guest& guest, protocol::ExecStartRequest request) {
  INRO_ASSIGN(const auto client, DialControl(guest));
  vmm::ExecSession session(*client);
  INRO_ASSIGN(const auto started, session.Start(request));
  if (started.id == 0) return Fail("{}", started.message);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("make a pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  Ran ran;
  // Short outputs: they fit into the pipe.
  INRO_ASSIGN(ran.end, session.Run({.in = -1, .out = write_end.get(), .err = -1}));
  write_end.reset();
  char bytes[4096];
  const ssize_t got = ::read(read_end.get(), bytes, sizeof bytes);
  if (got > 0) ran.out.assign(bytes, static_cast<std::size_t>(got));
  while (!ran.out.empty() && std::isspace(static_cast<unsigned char>(ran.out.back())) != 0) {
    ran.out.pop_back();
  }
  return ran;
}

Evidence TryBinaries(const vmm::Guest& guest) {
  protocol::ExecStartRequest shell;
  shell.argv = {"sh", "-c", "test -t 0 && exit 42"};
  shell.terminal = true;
  shell.rows = 24;
  shell.columns = 80;
  INRO_ASSIGN(const Ran on_terminal, RunInGuest(guest, shell));
  if (on_terminal.end.ExitStatus() != 42) {
    return Fail("a shell on a terminal ended with status {}: {}", on_terminal.end.ExitStatus(),
                on_terminal.out);
  }
  INRO_ASSIGN(const sys::TempDir folder, sys::TempDir::Create("inro-probe"));
  const std::string local = folder.path() + "/program";
  INRO_ASSIGN(const auto control, DialControl(guest));
  INRO_ASSIGN(const vmm::CopySum out,
              vmm::CopyFromGuest(*control, std::string(kProgram), local, {}));
  INRO_ASSIGN(const vmm::CopySum in, vmm::CopyToGuest(*control, local, std::string(kCopied), {}));
  if (out.bytes != in.bytes || in.bytes == 0) {
    return Fail("{} bytes came out of the guest and {} went in", out.bytes, in.bytes);
  }
  INRO_ASSIGN(const Ran copied, RunInGuest(guest, {.argv = {std::string(kCopied), "--version"}}));
  (void)RunInGuest(guest, {.argv = {"rm", std::string(kCopied)}});
  if (copied.end.ExitStatus() != 0 || !copied.out.starts_with("inro-guest")) {
    return Fail("the copied program ended with status {}: {}", copied.end.ExitStatus(), copied.out);
  }
  return fmt::format(
      "a shell ran on a terminal (status 42 came back); a program of {} bytes, copied in over "
      "vsock, ran and said \"{}\"",
      in.bytes, copied.out);
}

}  // namespace

protocol::Finding ProbeConsole(const vmm::Guest& guest, const protocol::StateResponse& before) {
  return Found("console", TryConsole(guest, before));
}

protocol::Finding ProbeBinaries(const vmm::Guest& guest) {
  return Found("binaries", TryBinaries(guest));
}

}  // namespace inro::compare
