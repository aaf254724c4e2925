// One program that the host runs in the guest: its streams, its end, and who waits for them.
//
// States: *running* until its main process is reaped, then *ended*. Reads are served while there is
// data; when the process has ended and a stream is drained it is at its end, whoever else may hold
// it open. So an answer "eof" comes after everything that the process had written.
//
// All functions are called on the loop's thread. Nothing is read from a program unless the host has
// asked for it: the program waits, not the guest's memory.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/control/process_group.h"
#include "protocol/exec_message.h"
#include "wire/loop.h"
#include "wire/server.h"

namespace inro::guest::control {

class ExecProcess {
 public:
  struct Start {
    std::uint64_t id = 0;
    std::uint64_t connection = 0;
    std::string control_group;  // the role's own; empty: none
  };

  // Starts what the request asks for. The error's errno is that of the start, or 0.
  static Result<std::unique_ptr<ExecProcess>> Create(wire::Loop& loop, const Start& start,
                                                     const protocol::ExecStartRequest& request);
  ExecProcess(const ExecProcess&) = delete;
  ExecProcess& operator=(const ExecProcess&) = delete;
  // Kills what still runs. Outstanding calls answer that the program was given up.
  ~ExecProcess();

  std::uint64_t connection() const { return connection_; }
  pid_t pid() const { return pid_; }
  const std::string& program() const { return program_; }
  bool ended() const { return status_.has_value(); }
  // The group, to be removed when its processes have died; after Kill().
  std::unique_ptr<ProcessGroup> TakeGroup() { return std::move(group_); }

  void Write(protocol::ExecWriteRequest request, wire::Responder responder);
  void Read(const protocol::ExecReadRequest& request, wire::Responder responder);
  void Wait(wire::Responder responder);
  void Resize(const protocol::ExecResizeRequest& request, wire::Responder responder);
  void Signal(const protocol::ExecSignalRequest& request, wire::Responder responder);

  // Its main process was reaped with this status (waitpid(2)).
  void Ended(int status);
  void Kill();
  // The end was told and every stream was read to its end: nothing is left to ask.
  bool finished() const;

 private:
  struct PendingWrite {
    std::string data;
    std::size_t taken = 0;
    bool eof = false;
    wire::Responder responder;
  };
  struct PendingRead {
    std::size_t limit = 0;
    wire::Responder responder;
  };
  struct Output {
    UniqueFd fd;
    wire::Loop::Token watch = 0;
    std::deque<PendingRead> reads;
    bool end_told = false;
  };

  explicit ExecProcess(wire::Loop& loop) : loop_(loop) {}
  Result<> Spawn(const protocol::ExecStartRequest& request);
  void PumpInput();
  void PumpOutput(Output& output);
  void CloseInput();
  bool ReadOnce(Output& output);

  wire::Loop& loop_;
  std::uint64_t id_ = 0;
  std::uint64_t connection_ = 0;
  std::unique_ptr<ProcessGroup> group_;
  std::string program_;
  pid_t pid_ = -1;
  bool terminal_ = false;
  UniqueFd input_;  // a pipe, or a copy of the terminal's master
  wire::Loop::Token input_watch_ = 0;
  std::deque<PendingWrite> writes_;
  std::array<Output, 2> outputs_;  // standard output (a terminal's all) and standard error
  std::vector<wire::Responder> waiters_;
  std::optional<int> status_;
  bool end_told_ = false;
};

}  // namespace inro::guest::control
