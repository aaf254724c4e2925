// A program that runs in a guest on the host's behalf, from the host's side.
//
// The session is over when the program has ended and its streams were read to their ends, when the
// user detaches, or when the guest is gone. With the session's connection the program ends too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "protocol/exec_message.h"
#include "wire/client.h"

namespace inro::vmm {

// How a session ended.
struct ExecEnd {
  std::uint32_t code = 0;
  std::uint32_t signal = 0;  // that killed the program; 0: it exited with `code`
  bool detached = false;     // the user left; the program was killed

  // As a shell has it: the code, or 128 + signal.
  int ExitStatus() const { return static_cast<int>(signal != 0 ? 128 + signal : code); }
};

// The program did not start: 127 when there is none of that name, else 126, as a shell has it.
int StatusOfFailedStart(const protocol::ExecStartResponse& answer);

class ExecSession {
 public:
  struct Streams {
    int in = -1;  // -1: the program's input is empty
    int out = -1;
    int err = -1;
    // Looks at what was typed before it is sent and may change it; false: the user leaves.
    std::function<bool(std::string&)> filter = {};
  };

  // The client must be used for nothing else and outlive the session.
  explicit ExecSession(wire::Client& client) : client_(client) {}
  ExecSession(const ExecSession&) = delete;
  ExecSession& operator=(const ExecSession&) = delete;

  // An answer whose id is 0 tells why it did not start. An error: it could not be asked for.
  Result<protocol::ExecStartResponse> Start(const protocol::ExecStartRequest& request);
  // Moves bytes both ways until the end. `streams` stay the caller's.
  Result<ExecEnd> Run(const Streams& streams);

  // From any thread, while Run() is in progress. They do not wait for the guest.
  void Signal(int signal);
  void Resize(std::uint32_t rows, std::uint32_t columns);

 private:
  void Tell(std::string_view method, std::string payload);
  void SendInput(const Streams& streams, int stop_fd, bool& detached);
  Result<> TakeOutput(protocol::ExecStream stream, int fd);

  wire::Client& client_;
  std::uint64_t id_ = 0;
  bool terminal_ = false;
};

}  // namespace inro::vmm
