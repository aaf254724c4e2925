#include "guest/agent/agent_role.h"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "guest/agent/agent_service.h"
#include "guest/agent/call_spans.h"
#include "guest/agent/health.h"
#include "guest/agent/log.h"
#include "protocol/kernel_parameter.h"
#include "sys/file.h"
#include "sys/notify.h"
#include "wire/address.h"
#include "wire/loop.h"
#include "wire/server.h"

namespace inro::guest::agent {
namespace {

using protocol::LogLevel;

// The environment wins over the kernel's command line, as in Kata's agent.
std::string FromEnvironment(const char* name, std::string_view fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::string(value) : std::string(fallback);
}

LogLevel Threshold(const protocol::KernelCommandLine& line) {
  LogLevel level = line.Level("agent.log");
  protocol::ParseLogLevel(FromEnvironment("KATA_AGENT_LOG_LEVEL", ""), level);
  return level;
}

std::string ReadKernelLine() {
  // In a test, or before /proc is there, there are no parameters.
  return sys::ReadFile("/proc/cmdline", std::size_t{1} << 16).value_or("");
}

// Runs the loop until somebody stops it, or SIGTERM or SIGINT does. Signals are blocked already.
Result<> RunUntilSignal(wire::Loop& loop, const sigset_t& signals, const Log& log) {
  const UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return FailErrno("open a signalfd");
  const wire::Loop::Token watch = loop.Watch(fd.get(), EPOLLIN, [&](std::uint32_t) {
    log.Write(LogLevel::kInfo, "agent", "asked to end");
    loop.Stop();
  });
  if (watch == 0) return FailErrno("watch a signalfd");
  if (auto told = sys::Notify("READY=1"); !told) {
    log.Write(LogLevel::kWarn, "agent", "cannot tell the init that the agent is ready",
              {{"error", told.error().ToString()}});
  }
  loop.Run();
  loop.Unwatch(watch);
  return {};
}

Result<> Serve(const protocol::KernelCommandLine& line, const Log& log, const sigset_t& signals) {
  INRO_ASSIGN(const wire::Address address,
              wire::ParseAddress(
                  FromEnvironment("KATA_AGENT_SERVER_ADDR", line.Text("agent.server_addr"))));
  INRO_ASSIGN(const std::unique_ptr<wire::Loop> loop, wire::Loop::Create());
  SystemKernel kernel;
  sys::SystemMounts mounts;
  RtNetworkStack network;
  AgentWorld world{.kernel = kernel, .mounts = mounts, .network = network, .log = log};
  world.hotplug.timeout = std::chrono::seconds(line.Number("agent.hotplug_timeout"));

  wire::Server* draining = nullptr;
  AgentService service(std::move(world), [&] { draining->WhenDrained([&] { loop->Stop(); }); });
  std::vector<wire::Method> methods = HealthMethods();
  for (wire::Method& method : service.Methods()) methods.push_back(std::move(method));
  std::optional<CallSpans> spans;
  if (line.Bool("agent.trace")) spans.emplace(*loop);
  // After the service: its end waits for the calls that use it.
  wire::Server server(*loop, std::move(methods));
  draining = &server;
  if (spans) server.OnFinished([&](const wire::FinishedCall& call) { spans->Record(call); });
  INRO_ASSIGN(UniqueFd listener, wire::Listen(address));
  INRO_TRY(server.Serve(std::move(listener)));
  log.Write(LogLevel::kInfo, "agent", "listening", {{"address", address.ToString()}});
  return RunUntilSignal(*loop, signals, log);
}

}  // namespace

int RunAgent(int argc, char** argv) {
  if (argc > 1 && (std::strcmp(argv[1], "--version") == 0 || std::strcmp(argv[1], "-v") == 0)) {
    std::puts("inro-agent " INRO_VERSION);
    return 0;
  }
  // One heap for all threads: workers come and go, and each would keep an arena of its own.
  ::mallopt(M_ARENA_MAX, 1);
  // Before any thread is made, so that all inherit it.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);

  const protocol::KernelCommandLine line(ReadKernelLine());
  const Log log(STDOUT_FILENO, Threshold(line));
  for (const std::string& warning : line.warnings()) {
    log.Write(LogLevel::kWarn, "config", warning);
  }
  const auto served = Serve(line, log, signals);
  if (served) return 0;
  log.Write(LogLevel::kCritical, "agent", "the agent ends", {{"error", served.error().ToString()}});
  std::fprintf(stderr, "inro-agent: %s\n", served.error().ToString().c_str());
  return 1;
}

}  // namespace inro::guest::agent
