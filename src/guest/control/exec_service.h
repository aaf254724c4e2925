// The programs that the host runs in the guest: the Exec* calls of proto/control.proto.
//
// A program lives at most as long as the connection on which it was started, and only calls of that
// connection reach it. SIGCHLD must be blocked in every thread before the service is made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/control/exec_process.h"
#include "wire/loop.h"
#include "wire/server.h"

namespace inro::guest::control {

class ExecService {
 public:
  // `allowed`: what the definition says; if not, every call is refused with the reason.
  static Result<std::unique_ptr<ExecService>> Create(wire::Loop& loop, bool allowed);
  ExecService(const ExecService&) = delete;
  ExecService& operator=(const ExecService&) = delete;
  ~ExecService();

  // The service must outlive the server that they go to.
  std::vector<wire::Method> Methods();
  void ConnectionClosed(std::uint64_t connection);
  std::size_t running() const { return processes_.size(); }

  static constexpr std::size_t kMostPrograms = 256;

 private:
  ExecService(wire::Loop& loop, bool allowed) : loop_(loop), allowed_(allowed) {}
  template <class Request, class Handle>
  wire::Method Make(std::string_view name, Handle handle);
  void Start(std::uint64_t connection, const protocol::ExecStartRequest& request,
             wire::Responder responder);
  void Reap();
  // Kills what is left of it and forgets it.
  void Remove(std::uint64_t id);
  void RemoveGroups();

  wire::Loop& loop_;
  const bool allowed_;
  std::string control_group_;
  UniqueFd signals_;
  wire::Loop::Token watch_ = 0;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::unique_ptr<ExecProcess>> processes_;
  std::vector<pid_t> orphans_;  // main processes that were killed and are not reaped yet
  std::vector<std::unique_ptr<ProcessGroup>> dying_;
  wire::Loop::Token dying_timer_ = 0;
};

// The answer to a call that the definition does not allow.
inline constexpr std::string_view kExecRefused =
    "this guest does not allow it: its definition says neither debug = true nor [control] exec = "
    "true";

}  // namespace inro::guest::control
