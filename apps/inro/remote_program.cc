#include "remote_program.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <thread>

#include "base/unique_fd.h"
#include "sys/raw_terminal.h"
#include "vmm/control/control_call.h"
#include "vmm/control/escape_filter.h"
#include "vmm/control/exec_session.h"
#include "vmm/host/guest_address.h"

namespace inro::cli {
namespace {

constexpr std::array kPassedSignals = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
                                       SIGUSR1, SIGUSR2, SIGWINCH};

// The handler's only way out of its context.
std::atomic<int> signal_pipe{-1};

void OnSignal(int number) {
  const int saved = errno;
  const char byte = static_cast<char>(number);
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe.load(), &byte, 1);
  errno = saved;
}

// Gives every signal of the list to a function, on a thread of its own, while it lives.
class SignalPassage {
 public:
  explicit SignalPassage(std::function<void(int)> pass) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
    signal_pipe = ends[1];
    thread_ = std::thread([this, pass = std::move(pass)] {
      char byte = 0;
      while (true) {
        const ssize_t got = ::read(read_end_.get(), &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || byte == 0) return;
        pass(byte);
      }
    });
    for (std::size_t i = 0; i < kPassedSignals.size(); ++i) {
      struct sigaction action{};
      action.sa_handler = OnSignal;
      action.sa_flags = SA_RESTART;
      ::sigaction(kPassedSignals[i], &action, &before_[i]);
    }
  }
  SignalPassage(const SignalPassage&) = delete;
  SignalPassage& operator=(const SignalPassage&) = delete;
  ~SignalPassage() {
    if (!thread_.joinable()) return;
    for (std::size_t i = 0; i < kPassedSignals.size(); ++i) {
      ::sigaction(kPassedSignals[i], &before_[i], nullptr);
    }
    constexpr char kStop = 0;
    [[maybe_unused]] const ssize_t written = ::write(write_end_.get(), &kStop, 1);
    thread_.join();
    signal_pipe = -1;
  }

 private:
  UniqueFd read_end_;
  UniqueFd write_end_;
  std::array<struct sigaction, kPassedSignals.size()> before_{};
  std::thread thread_;
};

}  // namespace

Result<int> RunRemoteProgram(RemoteProgram program) {
  protocol::ExecStartRequest& request = program.request;
  INRO_ASSIGN(const vmm::GuestAddress guest, vmm::FindGuest(program.guest));
  INRO_ASSIGN(const auto client, vmm::ConnectControl(guest));
  if (request.terminal) {
    const sys::TerminalSize size = sys::SizeOfTerminal(STDIN_FILENO);
    request.rows = size.rows;
    request.columns = size.columns;
    if (const char* type = std::getenv("TERM")) {
      request.env.insert(request.env.begin(), fmt::format("TERM={}", type));
    }
  }
  vmm::ExecSession session(*client);
  INRO_ASSIGN(const auto started, session.Start(request));
  if (started.id == 0) {
    std::fprintf(stderr, "inro: %s\n", started.message.c_str());
    return vmm::StatusOfFailedStart(started);
  }
  std::optional<sys::RawTerminal> raw;
  if (request.terminal && ::isatty(STDIN_FILENO) == 1) {
    if (program.escapes) {
      std::fprintf(stderr, "%s in guest %s; ~. at the start of a line, or Ctrl-], leaves\n",
                   started.program.c_str(), guest.ToString().c_str());
    }
    INRO_ASSIGN(sys::RawTerminal entered, sys::RawTerminal::Enter(STDIN_FILENO));
    raw.emplace(std::move(entered));
  }
  const SignalPassage passage([&](int signal) {
    if (signal != SIGWINCH) return session.Signal(signal);
    if (!request.terminal) return;
    const sys::TerminalSize size = sys::SizeOfTerminal(STDIN_FILENO);
    session.Resize(size.rows, size.columns);
  });
  vmm::EscapeFilter filter;
  vmm::ExecSession::Streams streams{
      .in = program.input ? STDIN_FILENO : -1, .out = STDOUT_FILENO, .err = STDERR_FILENO};
  if (program.escapes && raw) {
    streams.filter = [&filter](std::string& typed) { return filter.Pass(typed); };
  }
  const auto end = session.Run(streams);
  raw.reset();
  if (!end) return std::unexpected(end.error().Wrap(fmt::format("guest {}", guest.ToString())));
  if (end->detached) {
    std::fputs("\ninro: left\n", stderr);
    return 0;
  }
  return end->ExitStatus();
}

}  // namespace inro::cli
