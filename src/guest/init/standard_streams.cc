#include "guest/init/standard_streams.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "sys/spawn.h"

namespace inro::guest {
namespace {

using unit::StandardStream;
using unit::StreamSetting;

constexpr const char* kDefaultNames[] = {"stdin", "stdout", "stderr"};

Result<UniqueFd> Duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) return FailErrno("duplicate a descriptor");
  return copy;
}

Result<UniqueFd> OpenNull() {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return FailErrno("open /dev/null");
  return null;
}

// Opening a terminal may wait for a carrier: open without waiting, then set the flag back.
Result<UniqueFd> OpenTerminal(const std::string& path, bool reset) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return FailErrno("open {}", path);
  if (termios state{}; reset && ::tcgetattr(fd.get(), &state) == 0) {
    state.c_iflag = ICRNL | IXON | IUTF8;
    state.c_oflag = OPOST | ONLCR;
    state.c_lflag = ISIG | ICANON | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE;
    constexpr cc_t kControl = '\37';
    state.c_cc[VINTR] = 'C' & kControl;
    state.c_cc[VQUIT] = '\\' & kControl;
    state.c_cc[VERASE] = 127;
    state.c_cc[VKILL] = 'U' & kControl;
    state.c_cc[VEOF] = 'D' & kControl;
    state.c_cc[VSTART] = 'Q' & kControl;
    state.c_cc[VSTOP] = 'S' & kControl;
    state.c_cc[VSUSP] = 'Z' & kControl;
    state.c_cc[VEOL] = 0;
    state.c_cc[VMIN] = 1;
    state.c_cc[VTIME] = 0;
    ::tcsetattr(fd.get(), TCSANOW, &state);
  }
  ::fcntl(fd.get(), F_SETFL, O_RDWR);
  return fd;
}

Result<UniqueFd> OpenFile(const StreamSetting& setting, int access) {
  // A FIFO without a reader must not hold us up.
  int flags = access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if (access != O_RDONLY) flags |= O_CREAT;
  if (setting.kind == StandardStream::kAppend) flags |= O_APPEND;
  if (setting.kind == StandardStream::kTruncate) flags |= O_TRUNC;
  UniqueFd fd(::open(setting.path.c_str(), flags, 0644));
  if (!fd) return FailErrno("open {}", setting.path);
  ::fcntl(fd.get(), F_SETFL, flags & O_APPEND);
  return fd;
}

Result<UniqueFd> OpenData(const std::string& data) {
  UniqueFd fd(::memfd_create("input", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), data.data(), data.size()) != static_cast<ssize_t>(data.size())) {
    return FailErrno("keep the data of standard input");
  }
  // Read-only, at its beginning.
  const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
  UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (reader) return reader;
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return FailErrno("read the data of standard input");
  return fd;
}

bool IsFile(StandardStream kind) {
  return kind == StandardStream::kFile || kind == StandardStream::kAppend ||
         kind == StandardStream::kTruncate;
}

// What carries both ways: the output takes it from the input unless it has its own.
bool IsTwoWay(StandardStream kind) {
  return kind == StandardStream::kTty || kind == StandardStream::kSocket ||
         kind == StandardStream::kFd;
}

class Opener {
 public:
  explicit Opener(const StreamRequest& request) : request_(request), exec_(request.exec) {}

  Result<UniqueFd> Input(const StreamSetting& setting) {
    StandardStream kind = setting.kind;
    if (kind == StandardStream::kNull && !exec_.input_data.empty()) kind = StandardStream::kData;
    switch (kind) {
      case StandardStream::kTty:
        if (!request_.terminal_input) return OpenNull();
        return OpenTerminal(exec_.tty_path, exec_.tty_reset);
      case StandardStream::kData:
        return OpenData(exec_.input_data);
      case StandardStream::kSocket:
        return OpenSocket();
      case StandardStream::kFd:
        return OpenNamed(setting, 0);
      case StandardStream::kFile: {
        // One file for both ways is opened once.
        const bool both = exec_.output.kind == kind && exec_.output.path == setting.path;
        return OpenFile(setting, both ? O_RDWR : O_RDONLY);
      }
      default:
        return OpenNull();
    }
  }

  Result<UniqueFd> Output(const StreamSetting& setting, int number) {
    switch (setting.kind) {
      case StandardStream::kTty:
        return OpenTerminal(exec_.tty_path, false);
      case StandardStream::kConsole:
        return OpenTerminal("/dev/console", false);
      case StandardStream::kFile:
      case StandardStream::kAppend:
      case StandardStream::kTruncate:
        return OpenFile(setting, O_WRONLY);
      case StandardStream::kSocket:
        return OpenSocket();
      case StandardStream::kFd:
        return OpenNamed(setting, number);
      case StandardStream::kJournal:
      case StandardStream::kKmsg:
        return OpenLog(setting);
      default:
        return OpenNull();
    }
  }

  std::string& journal_stream() { return journal_stream_; }

 private:
  Result<UniqueFd> OpenSocket() const {
    if (request_.connection != nullptr) return Duplicate(request_.connection->fd);
    if (request_.descriptors.size() == 1) return Duplicate(request_.descriptors.front().fd);
    return Fail("it has {} sockets: one alone can be a standard stream",
                request_.descriptors.size());
  }

  Result<UniqueFd> OpenNamed(const StreamSetting& setting, int number) const {
    const std::string name = setting.path.empty() ? kDefaultNames[number] : setting.path;
    const auto found = std::ranges::find(request_.descriptors, name, &PassedDescriptor::name);
    if (found == request_.descriptors.end()) return Fail("no socket passes a \"{}\"", name);
    return Duplicate(found->fd);
  }

  Result<UniqueFd> OpenLog(const StreamSetting& setting) {
    // The kernel's log is what was asked for; a collector reads it there like any other line.
    if (setting.kind != StandardStream::kKmsg) {
      if (UniqueFd journal = ConnectToCollector(setting)) return journal;
    }
    ServiceOutput::Style style{IdentifierOf(request_.unit, exec_), exec_.syslog_level,
                               exec_.syslog_level_prefix, exec_.log_level_max, setting.and_console};
    if (const auto writer = request_.output.WriterFor(request_.unit.name, std::move(style))) {
      return Duplicate(*writer);
    }
    return OpenNull();
  }

  // Invalid when there is no collector, or none that accepts now.
  UniqueFd ConnectToCollector(const StreamSetting& setting) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& path = request_.journal_socket;
    if (path.size() >= sizeof address.sun_path) return {};
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return {};
    }
    ::shutdown(fd.get(), SHUT_RD);
    const std::string header =
        fmt::format("{}\n{}\n{}\n{}\n0\n0\n{}\n", IdentifierOf(request_.unit, exec_),
                    request_.unit.name, exec_.syslog_facility << 3 | exec_.syslog_level,
                    exec_.syslog_level_prefix ? 1 : 0, setting.and_console ? 1 : 0);
    if (::send(fd.get(), header.data(), header.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(header.size())) {
      return {};
    }
    ::fcntl(fd.get(), F_SETFL, 0);
    struct stat info{};
    if (::fstat(fd.get(), &info) == 0) {
      journal_stream_ = fmt::format("{}:{}", info.st_dev, info.st_ino);
    }
    return fd;
  }

  const StreamRequest& request_;
  const unit::ExecSettings& exec_;
  std::string journal_stream_;
};

}  // namespace

std::string IdentifierOf(const unit::Unit& unit, const unit::ExecSettings& exec) {
  if (!exec.syslog_identifier.empty()) return exec.syslog_identifier;
  if (!unit.service || unit.service->start.empty()) return unit.name;
  const std::string& program = unit.service->start.front().program;
  return program.substr(program.rfind('/') + 1);
}

Result<Streams> OpenStreams(const StreamRequest& request, int& exit_code) {
  const unit::ExecSettings& exec = request.exec;
  Opener opener(request);
  Streams streams;
  exit_code = sys::kExitStdin;
  INRO_ASSIGN(streams.input, opener.Input(exec.input));
  const bool of_terminal = exec.input.kind == StandardStream::kTty;
  streams.terminal = of_terminal && request.terminal_input;

  StreamSetting output = exec.output;
  const bool inherits = output.kind == StandardStream::kInherit;
  if (inherits && of_terminal && !streams.terminal) output.kind = StandardStream::kTty;
  const bool from_input = output.kind == StandardStream::kInherit && IsTwoWay(exec.input.kind);
  if (output.kind == StandardStream::kInherit) output.kind = StandardStream::kJournal;
  exit_code = sys::kExitStdout;
  const bool same_file = output.kind == StandardStream::kFile &&
                         exec.input.kind == StandardStream::kFile && output.path == exec.input.path;
  if (from_input || same_file) {
    INRO_ASSIGN(streams.output, Duplicate(streams.input.get()));
  } else {
    INRO_ASSIGN(streams.output, opener.Output(output, 1));
  }

  exit_code = sys::kExitStderr;
  const StreamSetting& error = exec.error;
  const bool as_output = error.kind == StandardStream::kInherit ||
                         (!from_input && error.kind == output.kind && error.path == output.path &&
                          error.and_console == output.and_console &&
                          (IsFile(error.kind) || error.kind == StandardStream::kJournal ||
                           error.kind == StandardStream::kKmsg));
  if (as_output) {
    INRO_ASSIGN(streams.error, Duplicate(streams.output.get()));
  } else {
    INRO_ASSIGN(streams.error, opener.Output(error, 2));
  }
  streams.journal_stream = opener.journal_stream();
  return streams;
}

}  // namespace inro::guest
