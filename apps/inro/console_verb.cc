// `inro console`: a shell in a guest, on a terminal.
#include "remote_program.h"
#include "verbs.h"

namespace inro::cli {
namespace {

class ConsoleVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"GUEST", "", &guest_, "Name of a guest, vsock://CID, or a hybrid socket", {}, true},
        {"-u,--user", "USER[:GROUP]", &user_, "Name or number in the guest (default: root)"},
    };
  }

  Result<int> Run(Session&) override {
    RemoteProgram program;
    program.guest = guest_;
    program.request.user = user_;
    program.request.terminal = true;
    program.escapes = true;
    return RunRemoteProgram(std::move(program));
  }

 private:
  std::string guest_;
  std::string user_;
};

}  // namespace

std::unique_ptr<Verb> MakeConsoleVerb() { return std::make_unique<ConsoleVerb>(); }

}  // namespace inro::cli
