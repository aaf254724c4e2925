// A client of QEMU's machine protocol (QMP): one command at a time over QEMU's Unix socket.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

// Blocking; not thread-safe. Every wait has a limit. After an error of kind kTimeout or kClosed the
// connection is of no more use.
class Qmp {
 public:
  // Connects to the socket, reads the greeting and leaves negotiation mode. Retries while the
  // socket is not there yet.
  static Result<Qmp> Connect(const std::string& path, std::chrono::milliseconds timeout);

  // Runs a command without arguments, or with `arguments`, a JSON object. Returns the "return"
  // value as JSON text. QEMU's refusal is an error with its words. Events that arrive meanwhile are
  // kept.
  Result<std::string> Execute(std::string_view command, std::chrono::milliseconds timeout,
                              std::string_view arguments = "");

  // The name of the oldest event not taken yet ("SHUTDOWN"), or empty. Does not wait.
  std::string TakeEvent();

 private:
  explicit Qmp(UniqueFd fd) : fd_(std::move(fd)) {}
  using Deadline = std::chrono::steady_clock::time_point;
  Result<std::string> ReadLine(Deadline deadline);

  UniqueFd fd_;
  std::string buffer_;
  std::deque<std::string> events_;
};

// What one line from QEMU is. For tests and fuzzing.
struct QmpMessage {
  enum class Kind { kGreeting, kReturn, kError, kEvent, kUnknown } kind = Kind::kUnknown;
  std::string text;  // the return value as JSON, the error's description, or the event's name
};
// Malformed JSON is an error.
Result<QmpMessage> ParseQmpMessage(std::string_view line);

}  // namespace inro::vmm
