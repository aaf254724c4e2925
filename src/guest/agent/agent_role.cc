#include "guest/agent/agent_role.h"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/result.h"
#include "guest/agent/health.h"
#include "protocol/agent_api.h"
#include "sys/notify.h"
#include "wire/address.h"
#include "wire/loop.h"
#include "wire/server.h"

namespace inro::guest::agent {
namespace {

Result<> Serve() {
  const char* configured = std::getenv("KATA_AGENT_SERVER_ADDR");
  INRO_ASSIGN(const wire::Address address,
              wire::ParseAddress(configured != nullptr ? configured : "vsock://-1:1024"));
  INRO_ASSIGN(const std::unique_ptr<wire::Loop> loop, wire::Loop::Create());
  std::vector<wire::Method> methods = HealthMethods();
  wire::Server* server_to_drain = nullptr;
  methods.push_back({protocol::kAgentService, "DestroySandbox", wire::Method::Run::kLoop,
                     [&](wire::Call, wire::Responder responder) {
                       responder.Reply({});
                       server_to_drain->WhenDrained([&] { loop->Stop(); });
                     }});
  wire::Server server(*loop, std::move(methods));
  server_to_drain = &server;
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
  INRO_TRY(sys::Notify("READY=1"));
  loop->Run();
  return {};
}

}  // namespace

int RunAgent(int, char**) {
  // One heap for all threads: workers come and go, and each would keep an arena of its own.
  ::mallopt(M_ARENA_MAX, 1);
  const auto served = Serve();
  if (served) return 0;
  std::fprintf(stderr, "inro-agent: %s\n", served.error().ToString().c_str());
  return 1;
}

}  // namespace inro::guest::agent
