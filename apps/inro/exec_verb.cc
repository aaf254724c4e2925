// `inro exec`: a program in a guest.
#include <unistd.h>

#include "remote_program.h"
#include "verbs.h"

namespace inro::cli {
namespace {

class ExecVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"GUEST", "", &guest_, "Name of a guest, vsock://CID, or a hybrid socket", {}, true},
        {"COMMAND", "", &command_, "The program and its arguments, after --", {}, true},
        {"-t,--terminal", "", &terminal_,
         "On a terminal of its own (default: when standard input and output are terminals)"},
        {"-T,--no-terminal", "", &no_terminal_, "On pipes, whatever standard input is"},
        {"-n,--no-stdin", "", &no_input_, "The program's input is empty"},
        {"-e,--env", "NAME=VALUE", &env_, "A variable; may be given several times"},
        {"-w,--workdir", "DIR", &directory_, "Folder in the guest to start in (default: /)"},
        {"-u,--user", "USER[:GROUP]", &user_, "Name or number in the guest (default: root)"},
    };
  }

  Result<int> Run(Session&) override {
    for (const std::string& entry : env_) {
      if (entry.find('=') == std::string::npos || entry.starts_with('=')) {
        return FailAs(ErrorKind::kBadInput, "--env {}: write NAME=VALUE", entry);
      }
    }
    if (terminal_ && no_terminal_) {
      return FailAs(ErrorKind::kBadInput, "-t and -T exclude each other");
    }
    RemoteProgram program;
    program.guest = guest_;
    program.request.argv = command_;
    program.request.env = env_;
    program.request.directory = directory_;
    program.request.user = user_;
    const bool at_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    program.request.terminal = !no_terminal_ && (terminal_ || (at_terminal && !no_input_));
    program.input = !no_input_;
    return RunRemoteProgram(std::move(program));
  }

 private:
  std::string guest_;
  std::vector<std::string> command_;
  bool terminal_ = false;
  bool no_terminal_ = false;
  bool no_input_ = false;
  std::vector<std::string> env_;
  std::string directory_;
  std::string user_;
};

}  // namespace

std::unique_ptr<Verb> MakeExecVerb() { return std::make_unique<ExecVerb>(); }

}  // namespace inro::cli
