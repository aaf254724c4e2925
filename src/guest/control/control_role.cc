#include "guest/control/control_role.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "base/result.h"
#include "guest/control/log_service.h"
#include "guest/control/probe.h"
#include "guest/control/process_table.h"
#include "guest/control/unit_state.h"
#include "protocol/control_message.h"
#include "sys/file.h"
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

Result<std::vector<protocol::ProcessState>> ReadProcessStates() {
  INRO_ASSIGN(const std::vector<Process> processes, ReadProcesses());
  std::vector<protocol::ProcessState> states;
  for (const Process& process : processes) {
    protocol::ProcessState& state = states.emplace_back();
    state.pid = static_cast<std::uint32_t>(process.pid);
    state.name = process.name;
    state.unit = process.unit;
    state.rss_kib = process.rss_kib;
    state.kernel_thread = process.kernel_thread;
    state.uid = process.uid;
    if (process.state != 0) state.state.assign(1, process.state);
    if (process.kernel_thread) continue;
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

void AnswerProbe(wire::Call call, wire::Responder responder) {
  protocol::ProbeRequest request;
  if (!protocol::Decode(call.request.payload, request)) {
    responder.Fail(wire::Code::kInvalidArgument, "malformed ProbeRequest");
    return;
  }
  responder.Reply(
      protocol::Encode(protocol::ProbeResponse{.findings = RunProbes(request.features)}));
}

Result<> Serve() {
  const char* configured = std::getenv("INRO_CONTROL_ADDR");
  INRO_ASSIGN(const wire::Address address,
              wire::ParseAddress(configured != nullptr
                                     ? configured
                                     : fmt::format("vsock://-1:{}", protocol::kControlPort)));
  INRO_ASSIGN(const std::unique_ptr<wire::Loop> loop, wire::Loop::Create());
  std::vector<wire::Method> methods = {
      {protocol::kControlService, "State", wire::Method::Run::kWorker, AnswerState},
      {protocol::kControlService, "Probe", wire::Method::Run::kWorker, AnswerProbe}};
  std::ranges::move(LogMethods(), std::back_inserter(methods));
  wire::Server server(*loop, std::move(methods));
  INRO_ASSIGN(UniqueFd listener, wire::Listen(address));
  INRO_TRY(server.Serve(std::move(listener)));

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
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
