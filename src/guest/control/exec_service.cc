#include "guest/control/exec_service.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "protocol/control_message.h"
#include "protocol/message.h"

namespace inro::guest::control {
namespace {

using wire::Code;

constexpr std::chrono::milliseconds kGroupRetry(50);

}  // namespace

Result<std::unique_ptr<ExecService>> ExecService::Create(wire::Loop& loop, bool allowed) {
  std::unique_ptr<ExecService> service(new ExecService(loop, allowed));
  if (!allowed) return service;
  service->control_group_ = OwnControlGroup();
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  service->signals_ = UniqueFd(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!service->signals_) return FailErrno("open a signalfd");
  service->watch_ = loop.Watch(service->signals_.get(), EPOLLIN,
                               [raw = service.get()](std::uint32_t) { raw->Reap(); });
  return service;
}

ExecService::~ExecService() {
  loop_.Unwatch(watch_);
  loop_.Cancel(dying_timer_);
  for (const auto& [id, process] : processes_) process->Kill();
}

void ExecService::Reap() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
  }
  // Signals of several children may have become one. Each is asked for by its number: others wait
  // for children of their own.
  std::erase_if(orphans_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  std::vector<std::uint64_t> done;
  for (const auto& [id, process] : processes_) {
    int status = 0;
    if (process->ended() || ::waitpid(process->pid(), &status, WNOHANG) <= 0) continue;
    process->Ended(status);
    if (process->finished()) done.push_back(id);
  }
  for (const std::uint64_t id : done) Remove(id);
}

void ExecService::Remove(std::uint64_t id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  ExecProcess& process = *found->second;
  process.Kill();
  if (!process.ended()) orphans_.push_back(process.pid());
  dying_.push_back(process.TakeGroup());
  processes_.erase(found);
  RemoveGroups();
}

void ExecService::RemoveGroups() {
  std::erase_if(dying_, [](const auto& group) { return group->Remove(); });
  if (dying_.empty() || dying_timer_ != 0) return;
  dying_timer_ = loop_.At(wire::Loop::Clock::now() + kGroupRetry, [this] {
    dying_timer_ = 0;
    RemoveGroups();
  });
}

void ExecService::ConnectionClosed(std::uint64_t connection) {
  // Not at once: it may be an answer of one of these programs that found the connection broken.
  loop_.Post([this, connection] {
    std::vector<std::uint64_t> gone;
    for (const auto& [id, process] : processes_) {
      if (process->connection() == connection) gone.push_back(id);
    }
    for (const std::uint64_t id : gone) Remove(id);
  });
}

void ExecService::Start(std::uint64_t connection, const protocol::ExecStartRequest& request,
                        wire::Responder responder) {
  if (processes_.size() >= kMostPrograms) {
    responder.Fail(Code::kResourceExhausted,
                   fmt::format("{} programs run already", processes_.size()));
    return;
  }
  const std::uint64_t id = next_id_++;
  auto process = ExecProcess::Create(loop_, {id, connection, control_group_}, request);
  protocol::ExecStartResponse response;
  if (!process) {
    const Error& error = process.error();
    const int fallback = error.kind() == ErrorKind::kNotFound ? ENOENT : EINVAL;
    response.error =
        static_cast<std::uint32_t>(error.sys_errno() != 0 ? error.sys_errno() : fallback);
    response.message = error.ToString();
  } else {
    response.id = id;
    response.pid = static_cast<std::uint32_t>((*process)->pid());
    response.program = (*process)->program();
    processes_.emplace(id, std::move(*process));
  }
  responder.Reply(protocol::Encode(response));
}

// A method on the loop that is refused where the definition does not allow it. `handle` gets the
// connection, the request and the responder.
template <class Request, class Handle>
wire::Method ExecService::Make(std::string_view name, Handle handle) {
  return {protocol::kControlService, name, wire::Method::Run::kLoop,
          [this, handle](wire::Call call, wire::Responder responder) {
            if (!allowed_) {
              responder.Fail(Code::kPermissionDenied, std::string(kExecRefused));
              return;
            }
            Request request;
            if (!protocol::Decode(call.request.payload, request)) {
              responder.Fail(Code::kInvalidArgument, "malformed request");
              return;
            }
            handle(call.connection, std::move(request), std::move(responder));
          }};
}

std::vector<wire::Method> ExecService::Methods() {
  using namespace protocol;
  // A call about one program: `act` gets it, the request and the responder.
  const auto on_process = [this]<class Request>(auto act) {
    return [this, act](std::uint64_t connection, Request request, wire::Responder responder) {
      const auto found = processes_.find(request.id);
      if (found == processes_.end() || found->second->connection() != connection) {
        responder.Fail(Code::kNotFound,
                       fmt::format("no program {} runs for this connection", request.id));
        return;
      }
      const std::uint64_t id = request.id;
      act(*found->second, std::move(request), std::move(responder));
      const auto still = processes_.find(id);
      if (still != processes_.end() && still->second->finished()) Remove(id);
    };
  };
  return {
      Make<ExecStartRequest>(
          "ExecStart",
          [this](std::uint64_t connection, const ExecStartRequest& request,
                 wire::Responder responder) { Start(connection, request, std::move(responder)); }),
      Make<ExecWriteRequest>(
          "ExecWrite",
          on_process.operator()<ExecWriteRequest>(
              [](ExecProcess& process, ExecWriteRequest request, wire::Responder responder) {
                process.Write(std::move(request), std::move(responder));
              })),
      Make<ExecReadRequest>("ExecRead", on_process.operator()<ExecReadRequest>(
                                            [](ExecProcess& process, const ExecReadRequest& request,
                                               wire::Responder responder) {
                                              process.Read(request, std::move(responder));
                                            })),
      Make<ExecResizeRequest>(
          "ExecResize",
          on_process.operator()<ExecResizeRequest>(
              [](ExecProcess& process, const ExecResizeRequest& request,
                 wire::Responder responder) { process.Resize(request, std::move(responder)); })),
      Make<ExecSignalRequest>(
          "ExecSignal",
          on_process.operator()<ExecSignalRequest>(
              [](ExecProcess& process, const ExecSignalRequest& request,
                 wire::Responder responder) { process.Signal(request, std::move(responder)); })),
      Make<ExecWaitRequest>(
          "ExecWait", on_process.operator()<ExecWaitRequest>(
                          [](ExecProcess& process, const ExecWaitRequest&,
                             wire::Responder responder) { process.Wait(std::move(responder)); })),
  };
}

}  // namespace inro::guest::control
