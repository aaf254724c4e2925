#include "guest/control/exec_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "guest/control/account.h"
#include "protocol/message.h"
#include "sys/pseudo_terminal.h"
#include "sys/shell.h"
#include "sys/spawn.h"

namespace inro::guest::control {
namespace {

using wire::Code;

constexpr std::size_t kReadChunk = 256 << 10;
constexpr int kSmallRead = 4096;
constexpr int kPipeBytes = 256 << 10;
constexpr char kEndOfTransmission = 4;  // Ctrl-D: the end of input on a terminal

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("make a pipe");
  // A larger one saves round trips; the default does too.
  ::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void SetNonBlocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

std::string_view NameOf(std::string_view assignment) {
  return assignment.substr(0, assignment.find('='));
}

std::vector<std::string> Environment(const Account& account,
                                     const protocol::ExecStartRequest& request) {
  std::vector<std::string> environment = request.env;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    const bool given = std::ranges::any_of(
        request.env, [&](const std::string& entry) { return NameOf(entry) == name; });
    if (!given) environment.push_back(fmt::format("{}={}", name, value));
  };
  add("PATH", sys::kProgramPath);
  add("HOME", account.home);
  add("USER", account.name);
  add("LOGNAME", account.name);
  add("SHELL", account.shell);
  if (request.terminal) add("TERM", "linux");
  return environment;
}

std::string PathOf(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return std::string(sys::kProgramPath);
}

}  // namespace

Result<std::unique_ptr<ExecProcess>> ExecProcess::Create(
    wire::Loop& loop, const Start& start, const protocol::ExecStartRequest& request) {
  std::unique_ptr<ExecProcess> process(new ExecProcess(loop));
  process->id_ = start.id;
  process->connection_ = start.connection;
  process->group_ = std::make_unique<ProcessGroup>(start.control_group, start.id);
  INRO_TRY(process->Spawn(request));
  return process;
}

Result<> ExecProcess::Spawn(const protocol::ExecStartRequest& request) {
  const sys::DiskFileSource files;
  INRO_ASSIGN(const Account account, FindAccount(request.user, files));
  sys::SpawnRequest spawn;
  spawn.environment = Environment(account, request);
  spawn.working_directory = request.directory.empty() ? "/" : request.directory;
  if (request.argv.empty()) {
    const sys::Shell shell = sys::FindShell(PathOf(spawn.environment));
    if (shell.program.empty()) return FailAs(ErrorKind::kNotFound, "{}", sys::kNoShell);
    spawn.program = shell.program;
    spawn.argv = shell.argv;
    if (request.directory.empty()) {
      spawn.working_directory = account.home;
      spawn.working_directory_optional = true;
    }
  } else {
    spawn.argv = request.argv;
    // A name with a slash is a path, as for a shell.
    spawn.program = request.argv[0].find('/') != std::string::npos
                        ? request.argv[0]
                        : sys::FindProgram(request.argv[0], PathOf(spawn.environment));
    if (spawn.program.find('/') == std::string::npos) {
      return FailAs(ErrorKind::kNotFound, "{}: there is no such program in {}", request.argv[0],
                    PathOf(spawn.environment));
    }
  }
  if (account.uid != 0 || account.gid != 0) {
    spawn.uid = account.uid;
    spawn.gid = account.gid;
    spawn.groups = account.groups;
  }
  spawn.cgroup = group_->fd();

  UniqueFd child_ends[3];
  if (request.terminal) {
    INRO_ASSIGN(sys::PseudoTerminal terminal,
                sys::OpenPseudoTerminal(request.rows, request.columns));
    if (spawn.uid) (void)::fchown(terminal.slave.get(), account.uid, account.gid);
    // Two watches on one descriptor are one too many for epoll.
    input_ = UniqueFd(::fcntl(terminal.master.get(), F_DUPFD_CLOEXEC, 3));
    if (!input_) return FailErrno("copy a descriptor");
    outputs_[0].fd = std::move(terminal.master);
    child_ends[0] = std::move(terminal.slave);
    spawn.streams = {child_ends[0].get(), child_ends[0].get(), child_ends[0].get()};
    spawn.controlling_terminal = true;
    terminal_ = true;
  } else {
    INRO_ASSIGN(Pipe input, MakePipe());
    INRO_ASSIGN(Pipe output, MakePipe());
    INRO_ASSIGN(Pipe error, MakePipe());
    input_ = std::move(input.write);
    outputs_[0].fd = std::move(output.read);
    outputs_[1].fd = std::move(error.read);
    SetNonBlocking(input_.get());
    for (const Output& end : outputs_) SetNonBlocking(end.fd.get());
    child_ends[0] = std::move(input.read);
    child_ends[1] = std::move(output.write);
    child_ends[2] = std::move(error.write);
    spawn.streams = {child_ends[0].get(), child_ends[1].get(), child_ends[2].get()};
  }
  INRO_ASSIGN(pid_, sys::Spawn(spawn));
  program_ = spawn.program;
  return {};
}

ExecProcess::~ExecProcess() {
  loop_.Unwatch(input_watch_);
  for (const Output& output : outputs_) loop_.Unwatch(output.watch);
}

void ExecProcess::Kill() { group_->Kill(status_ ? -1 : pid_); }

void ExecProcess::CloseInput() {
  loop_.Unwatch(input_watch_);
  input_watch_ = 0;
  input_.reset();
}

void ExecProcess::Write(protocol::ExecWriteRequest request, wire::Responder responder) {
  writes_.push_back({std::move(request.data), 0, request.eof, std::move(responder)});
  if (writes_.back().eof && terminal_) writes_.back().data.push_back(kEndOfTransmission);
  if (writes_.size() == 1) PumpInput();
}

void ExecProcess::PumpInput() {
  while (!writes_.empty()) {
    PendingWrite& write = writes_.front();
    while (input_ && write.taken < write.data.size()) {
      const ssize_t sent =
          ::write(input_.get(), write.data.data() + write.taken, write.data.size() - write.taken);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) {
        if (input_watch_ == 0) {
          input_watch_ =
              loop_.Watch(input_.get(), EPOLLOUT, [this](std::uint32_t) { PumpInput(); });
        }
        return;
      }
      if (sent < 0) {
        CloseInput();
        break;
      }
      write.taken += static_cast<std::size_t>(sent);
    }
    const bool closed = !input_;
    if (write.eof && !terminal_) CloseInput();
    PendingWrite done = std::move(write);
    writes_.pop_front();
    done.responder.Reply(protocol::Encode(protocol::ExecWriteResponse{.closed = closed}));
  }
  loop_.Unwatch(input_watch_);
  input_watch_ = 0;
}

void ExecProcess::Read(const protocol::ExecReadRequest& request, wire::Responder responder) {
  const std::size_t index = request.stream == protocol::ExecStream::kError ? 1 : 0;
  const std::size_t limit = std::clamp<std::size_t>(request.limit, 1, protocol::kTransferLimit);
  outputs_[index].reads.push_back({limit, std::move(responder)});
  if (outputs_[index].reads.size() == 1) PumpOutput(outputs_[index]);
}

// Serves the first of the waiting reads; false when it must go on waiting.
bool ExecProcess::ReadOnce(Output& output) {
  PendingRead& read = output.reads.front();
  protocol::ExecReadResponse response;
  response.eof = !output.fd;
  if (output.fd) {
    int waiting = 0;
    if (::ioctl(output.fd.get(), FIONREAD, &waiting) != 0 || waiting <= 0) waiting = kSmallRead;
    response.data.resize(std::min({read.limit, kReadChunk, static_cast<std::size_t>(waiting)}));
    ssize_t got = -1;
    do {
      got = ::read(output.fd.get(), response.data.data(), response.data.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN && !status_) return false;
    // EIO: every other end of the terminal is closed.
    response.eof = got <= 0;
    response.data.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  if (response.eof) {
    loop_.Unwatch(output.watch);
    output.watch = 0;
    output.fd.reset();
    output.end_told = true;
  }
  PendingRead done = std::move(read);
  output.reads.pop_front();
  done.responder.Reply(protocol::Encode(response));
  return true;
}

void ExecProcess::PumpOutput(Output& output) {
  while (!output.reads.empty()) {
    if (ReadOnce(output)) continue;
    if (output.watch == 0) {
      output.watch = loop_.Watch(output.fd.get(), EPOLLIN,
                                 [this, &output](std::uint32_t) { PumpOutput(output); });
    }
    return;
  }
  // A hang-up would wake the loop for ever.
  loop_.Unwatch(output.watch);
  output.watch = 0;
}

void ExecProcess::Wait(wire::Responder responder) {
  if (!status_) {
    waiters_.push_back(std::move(responder));
    return;
  }
  protocol::ExecWaitResponse response;
  if (WIFSIGNALED(*status_)) {
    response.signal = static_cast<std::uint32_t>(WTERMSIG(*status_));
  } else {
    response.code = static_cast<std::uint32_t>(WEXITSTATUS(*status_));
  }
  end_told_ = true;
  responder.Reply(protocol::Encode(response));
}

void ExecProcess::Resize(const protocol::ExecResizeRequest& request, wire::Responder responder) {
  if (!terminal_) {
    responder.Fail(Code::kFailedPrecondition, "the program has no terminal");
    return;
  }
  if (outputs_[0].fd) {
    (void)sys::SetTerminalSize(outputs_[0].fd.get(), request.rows, request.columns);
  }
  responder.Reply("");
}

void ExecProcess::Signal(const protocol::ExecSignalRequest& request, wire::Responder responder) {
  if (request.signal == 0 || request.signal > 64) {
    responder.Fail(Code::kInvalidArgument, fmt::format("{} is no signal", request.signal));
    return;
  }
  // An ended one has nothing to signal, and its number may be another's by now.
  if (!status_) ::kill(-pid_, static_cast<int>(request.signal));
  responder.Reply("");
}

void ExecProcess::Ended(int status) {
  status_ = status;
  CloseInput();
  PumpInput();
  for (wire::Responder& waiter : std::exchange(waiters_, {})) Wait(std::move(waiter));
  for (Output& output : outputs_) PumpOutput(output);
}

bool ExecProcess::finished() const {
  const bool errors_read = terminal_ || outputs_[1].end_told;
  return end_told_ && outputs_[0].end_told && errors_read;
}

}  // namespace inro::guest::control
