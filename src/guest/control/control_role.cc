#include "guest/control/control_role.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>

#include "base/result.h"
#include "guest/control/copy_service.h"
#include "guest/control/exec_service.h"
#include "guest/control/log_service.h"
#include "guest/control/probe.h"
#include "guest/control/process_table.h"
#include "guest/control/role_state.h"
#include "guest/control/service_control.h"
#include "guest/control/unit_state.h"
#include "protocol/control_message.h"
#include "protocol/control_policy.h"
#include "sys/file.h"
#include "sys/passed_descriptors.h"
#include "wire/address.h"
#include "wire/loop.h"
#include "wire/server.h"

namespace inro::guest::control {
namespace {

std::uint64_t MonotonicUs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

bool CommandLineHas(std::string_view word) {
  const std::string line = sys::ReadFile("/proc/cmdline").value_or("");
  std::string_view rest = line;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t\n"), rest.size());
    if (rest.substr(0, end) == word) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

Result<std::vector<protocol::ProcessState>> ReadProcessStates() {
  INRO_ASSIGN(const std::vector<Process> processes, ReadProcesses());
  std::vector<protocol::ProcessState> states;
  std::size_t walked = 0;
  for (const Process& process : processes) {
    protocol::ProcessState& state = states.emplace_back();
    state.pid = static_cast<std::uint32_t>(process.pid);
    state.name = process.name;
    state.unit = process.unit;
    state.rss_kib = process.rss_kib;
    state.kernel_thread = process.kernel_thread;
    state.uid = process.uid;
    if (process.state != 0) state.state.assign(1, process.state);
    if (process.kernel_thread || ++walked > kMostWalked) continue;
    const Resident resident = ReadResident(process.pid);
    state.rss_kib = std::max(resident.rss_kib, process.rss_kib);
    state.pss_kib = resident.pss_kib;
  }
  return states;
}

Result<protocol::StateResponse> ReadState() {
  protocol::StateResponse state;
  // Memory first: the reading itself takes some.
  INRO_ASSIGN(state.memory_available_kib, ReadMemAvailableKib());
  INRO_ASSIGN(state.processes, ReadProcessStates());
  INRO_ASSIGN(state.units, ReadUnits());
  for (const auto& process : state.processes) {
    if (process.pid == 1) state.init = process.name;
  }
  state.os_release = sys::ReadFile("/etc/os-release").value_or("");
  state.own_pid = static_cast<std::uint32_t>(::getpid());
  state.monotonic_us = MonotonicUs();
  return state;
}

void AnswerState(wire::Call, wire::Responder responder) {
  const auto state = ReadState();
  if (state) {
    responder.Reply(protocol::Encode(*state));
  } else {
    responder.Fail(wire::Code::kInternal, state.error().ToString());
  }
}

void AnswerProbe(const wire::Call& call, wire::Responder responder) {
  // Probes change the guest for a moment; whoever boots it must have wanted that.
  if (!CommandLineHas("inro.probe")) {
    responder.Fail(wire::Code::kPermissionDenied,
                   "probes run only with the kernel parameter inro.probe");
    return;
  }
  protocol::ProbeRequest request;
  if (!protocol::Decode(call.request.payload, request)) {
    responder.Fail(wire::Code::kInvalidArgument, "malformed ProbeRequest");
    return;
  }
  responder.Reply(
      protocol::Encode(protocol::ProbeResponse{.findings = RunProbes(request.features)}));
}

void AnswerRoleState(const wire::Call& call, wire::Responder responder) {
  protocol::RoleStateRequest request;
  if (!protocol::Decode(call.request.payload, request)) {
    responder.Fail(wire::Code::kInvalidArgument, "malformed RoleStateRequest");
    return;
  }
  auto json = ReadRoleState(request.role);
  if (json) {
    responder.Reply(protocol::Encode(protocol::RoleStateResponse{std::move(*json)}));
    return;
  }
  const ErrorKind kind = json.error().kind();
  responder.Fail(kind == ErrorKind::kNotFound   ? wire::Code::kNotFound
                 : kind == ErrorKind::kBadInput ? wire::Code::kInvalidArgument
                                                : wire::Code::kInternal,
                 json.error().ToString());
}

// The definition's leave, read before anything is served. In tests it comes by INRO_CONTROL_POLICY.
protocol::ControlPolicy ReadPolicy() {
  const char* configured = std::getenv("INRO_CONTROL_POLICY");
  const std::string path = configured != nullptr && ::getpid() != 1
                               ? configured
                               : std::string(protocol::kControlPolicyPath);
  if (!sys::Exists(path)) return protocol::kPolicyWithoutFile;
  return protocol::ParseControlPolicy(sys::ReadFile(path, 4096).value_or(""));
}

// The listeners that PID 1 has passed (sd_listen_fds(3)), or one of the role's own.
struct Listeners {
  std::vector<UniqueFd> sockets;
  bool passed = false;
};

Result<Listeners> FindListeners() {
  Listeners listeners;
  const int count = sys::PassedDescriptors();
  for (int i = 0; i < count; ++i) {
    const int fd = sys::kFirstPassedDescriptor + i;
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    listeners.sockets.emplace_back(fd);
  }
  listeners.passed = count > 0;
  if (listeners.passed) return listeners;
  const char* configured = std::getenv("INRO_CONTROL_ADDR");
  INRO_ASSIGN(const wire::Address address,
              wire::ParseAddress(configured != nullptr
                                     ? configured
                                     : fmt::format("vsock://-1:{}", protocol::kControlPort)));
  INRO_ASSIGN(UniqueFd listener, wire::Listen(address));
  listeners.sockets.push_back(std::move(listener));
  return listeners;
}

// Ends a role that PID 1 starts again when somebody connects.
class IdleEnd {
 public:
  IdleEnd(wire::Loop& loop, const wire::Server& server) : loop_(loop), server_(server) { Look(); }

 private:
  void Look() {
    const auto now = wire::Loop::Clock::now();
    if (server_.connections() > 0) busy_ = now;
    if (now - busy_ >= kIdleEnd) return loop_.Stop();
    loop_.At(now + kIdleEnd / 6, [this] { Look(); });
  }

  static constexpr std::chrono::seconds kIdleEnd{30};
  wire::Loop& loop_;
  const wire::Server& server_;
  wire::Loop::Clock::time_point busy_ = wire::Loop::Clock::now();
};

Result<> Serve() {
  INRO_ASSIGN(Listeners listeners, FindListeners());
  // Before any worker exists, so that all inherit it.
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&blocked, signal);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  INRO_ASSIGN(const std::unique_ptr<wire::Loop> loop, wire::Loop::Create());
  const bool allowed = ReadPolicy().exec;
  INRO_ASSIGN(const std::unique_ptr<ExecService> exec, ExecService::Create(*loop, allowed));
  CopyService copies(allowed);
  std::vector<wire::Method> methods = {
      {protocol::kControlService, "State", wire::Method::Run::kWorker, AnswerState},
      {protocol::kControlService, "RoleState", wire::Method::Run::kWorker, AnswerRoleState},
      {protocol::kControlService, "Probe", wire::Method::Run::kWorker, AnswerProbe}};
  for (auto& method : exec->Methods()) methods.push_back(std::move(method));
  for (auto& method : copies.Methods()) methods.push_back(std::move(method));
  std::ranges::move(LogMethods(), std::back_inserter(methods));
  std::ranges::move(ServiceMethods(allowed), std::back_inserter(methods));
  wire::Server server(*loop, std::move(methods));
  server.OnClosed([&](std::uint64_t connection) {
    exec->ConnectionClosed(connection);
    copies.ConnectionClosed(connection);
  });
  for (UniqueFd& listener : listeners.sockets) INRO_TRY(server.Serve(std::move(listener)));
  std::optional<IdleEnd> idle;
  if (listeners.passed) idle.emplace(*loop, server);

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  const UniqueFd signals(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return FailErrno("open a signalfd");
  loop->Watch(signals.get(), EPOLLIN, [&](std::uint32_t) { loop->Stop(); });
  loop->Run();
  return {};
}

}  // namespace

int RunControl(int, char**) {
  // Programs that probes start (iptables) are looked up here, whatever the init has set.
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  const auto served = Serve();
  if (served) return 0;
  std::fprintf(stderr, "inro-control: %s\n", served.error().ToString().c_str());
  return 1;
}

}  // namespace inro::guest::control
