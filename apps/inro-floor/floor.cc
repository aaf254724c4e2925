// inro-floor: the yardstick of `inro compare`. A static PID 1 that does only what the first
// answered Health/Check needs: it loads the modules that vsock needs and answers, with the same
// ttrpc server as the agent. What a guest takes longer than this, its init, its root and its
// services take.
//
// It reads /modules-early: one path of a decompressed module a line, in order of loading.
// It answers Health/Check, AgentService/GetMetrics (kata_guest_meminfo alone, for the measure
// guest_memory_used_kib) and AgentService/DestroySandbox (powers off).
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/agent_api.h"
#include "protocol/message.h"
#include "protocol/metrics_text.h"
#include "protocol/sandbox_message.h"
#include "sys/file.h"
#include "sys/kernel_module.h"
#include "wire/address.h"
#include "wire/loop.h"
#include "wire/server.h"

namespace inro {
namespace {

void Say(std::string_view line) {
  const std::string text = fmt::format("<3>inro-floor: {}\n", line);
  if (const auto kmsg = sys::Open("/dev/kmsg", O_WRONLY)) {
    static_cast<void>(sys::WriteAll(kmsg->get(), text, "/dev/kmsg"));
  }
}

// The kernel knows its modules by now: what is loaded or built in already is not an error.
Result<> LoadModules() {
  if (!sys::Exists("/modules-early")) return {};
  INRO_ASSIGN(const std::string list, sys::ReadFile("/modules-early"));
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string path(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (path.empty()) continue;
    errno = sys::LoadKernelModule(path);
    if (errno != 0 && errno != EEXIST) return FailErrno("load {}", path);
  }
  return {};
}

void GetMetrics(wire::Call, wire::Responder responder) {
  const auto meminfo = sys::ReadFile("/proc/meminfo", 1 << 16);
  if (!meminfo) return responder.Fail(wire::Code::kInternal, meminfo.error().ToString());
  std::string text;
  protocol::AppendMeminfo(*meminfo, text);
  responder.Reply(protocol::Encode(protocol::Metrics{.metrics = std::move(text)}));
}

Result<> Serve() {
  INRO_ASSIGN(const std::unique_ptr<wire::Loop> loop, wire::Loop::Create());
  wire::Server* drained = nullptr;
  wire::Server server(
      *loop, {{protocol::kHealthService, "Check", wire::Method::Run::kLoop,
               [](wire::Call, wire::Responder responder) {
                 responder.Reply(std::string(protocol::kServingBytes));
               }},
              {protocol::kAgentService, "GetMetrics", wire::Method::Run::kLoop, GetMetrics},
              {protocol::kAgentService, "DestroySandbox", wire::Method::Run::kLoop,
               [&](wire::Call, wire::Responder responder) {
                 responder.Reply({});
                 drained->WhenDrained([&] { loop->Stop(); });
               }}});
  drained = &server;
  INRO_ASSIGN(UniqueFd listener, wire::Listen({.kind = wire::Address::Kind::kVsock,
                                               .cid = wire::kAnyCid,
                                               .port = protocol::kAgentPort,
                                               .path = {}}));
  INRO_TRY(server.Serve(std::move(listener)));
  loop->Run();
  return {};
}

Result<> Main() {
  ::mkdir("/dev", 0755);
  ::mkdir("/proc", 0555);
  // In an initrd the kernel has not mounted devtmpfs; when it has, that is as good.
  if (::mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, nullptr) != 0 && errno != EBUSY) {
    return FailErrno("mount /dev");
  }
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return FailErrno("mount /proc");
  }
  INRO_TRY(LoadModules());
  return Serve();
}

}  // namespace
}  // namespace inro

int main() {
  const auto done = inro::Main();
  if (!done) inro::Say(done.error().ToString());
  ::sync();
  ::reboot(RB_POWER_OFF);
  while (true) ::pause();  // PID 1 never exits
}
