#include "guest/trace/trace_role.h"

#include <linux/vm_sockets.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/json_string.h"
#include "guest/trace/boot_trace.h"
#include "guest/trace/host_link.h"
#include "guest/trace/sent_record.h"
#include "guest/trace/span_intake.h"
#include "guest/trace/unit_watch.h"
#include "protocol/kernel_parameter.h"
#include "protocol/span_sender.h"
#include "protocol/trace_context.h"
#include "sys/file.h"
#include "wire/address.h"
#include "wire/loop.h"

namespace inro::guest::trace {
namespace {

using std::chrono::milliseconds;

constexpr const char* kRunFolder = "/run/inro";
constexpr const char* kStepsPath = "/run/inro/boot.tsv";
constexpr const char* kSentPath = "/run/inro/trace.sent";
constexpr const char* kStateFolder = "/run/inro/state";
constexpr const char* kStatePath = "/run/inro/state/trace.json";
constexpr milliseconds kFlushLimit{2000};
constexpr milliseconds kLastNews{60};
constexpr milliseconds kStateInterval{1000};

std::int64_t ClockOffset() {
  timespec real{};
  ::clock_gettime(CLOCK_REALTIME, &real);
  return std::int64_t{real.tv_sec} * 1'000'000'000 + real.tv_nsec -
         static_cast<std::int64_t>(protocol::MonotonicNanoseconds());
}

std::uint64_t NowUs() { return protocol::MonotonicNanoseconds() / 1000; }

Result<UniqueFd> DialHost() {
  UniqueFd socket(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return FailErrno("open a vsock socket");
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = wire::kHostCid;
  address.svm_port = protocol::kTracePort;
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), name, sizeof address) != 0 && errno != EINPROGRESS) {
    return FailErrno("connect to the host's port {}", protocol::kTracePort);
  }
  return socket;
}

Result<UniqueFd> BindSocket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return FailErrno("open a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  protocol::kTraceSocket.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(address.sun_path);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  const mode_t mask = ::umask(0177);
  const bool bound = ::bind(socket.get(), name, sizeof address) == 0;
  ::umask(mask);
  if (!bound) return FailErrno("bind {}", protocol::kTraceSocket);
  return socket;
}

protocol::TraceResource DescribeGuest(bool systemd, std::string_view boot_id) {
  protocol::TraceResource resource;
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  while (boot_id.ends_with('\n')) boot_id.remove_suffix(1);
  resource.attributes = {protocol::Attribute("service.name", "inro-guest"),
                         protocol::Attribute("service.version", INRO_VERSION),
                         protocol::Attribute("service.instance.id", boot_id),
                         protocol::Attribute("host.name", host.data()),
                         protocol::Attribute("inro.init", systemd ? "systemd" : "inro")};
  return resource;
}

class TraceRole {
 public:
  TraceRole(wire::Loop& loop, std::string boot_id, std::string target)
      : loop_(loop),
        boot_id_(std::move(boot_id)),
        trace_(protocol::BootTraceId(boot_id_), std::move(target)),
        sent_record_(kSentPath),
        link_(
            loop, buffer_, DialHost, [this](const auto& spans) { return Body(spans); },
            [this](const auto& spans) { Acknowledged(spans); }),
        units_(loop, [this](const auto& units) { Add(trace_.Update(units, NowUs())); }) {}

  Result<> Run(const sigset_t& signals) {
    INRO_ASSIGN(const UniqueFd socket, BindSocket());
    loop_.Watch(socket.get(), EPOLLIN, [&](std::uint32_t) { ReadSocket(socket.get()); });
    const UniqueFd ends(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!ends) return FailErrno("open a signalfd");
    loop_.Watch(ends.get(), EPOLLIN, [&](std::uint32_t) {
      std::array<signalfd_siginfo, 4> read;
      while (::read(ends.get(), read.data(), sizeof read) > 0) {
      }
      End(socket.get());
    });
    if (auto begun = units_.Begin(); !begun) Say("units: " + begun.error().ToString());
    ReadSteps();
    Add(trace_.Steps(units_.ManagerSteps()));
    WriteState();
    loop_.Run();
    WriteStateNow();
    return {};
  }

 private:
  static void Say(const std::string& text) {
    std::fprintf(stderr, "inro-trace: %s\n", text.c_str());
    std::fflush(stderr);
  }

  void Add(const std::vector<protocol::Span>& spans) {
    for (const protocol::Span& span : spans) {
      if (!sent_record_.Has(span.span_id)) buffer_.Add(protocol::Encode(span));
    }
    // Stage 1 may add a step after the first look.
    if (!spans.empty()) ReadSteps();
    SayDrops();
    link_.Kick();
    WriteState();
  }

  void ReadSteps() {
    const auto text = sys::ReadFile(kStepsPath, 65536);
    if (!text || *text == steps_text_) return;
    steps_text_ = *text;
    for (const protocol::Span& span : trace_.Steps(ParseBootSteps(*text))) {
      if (sent_record_.Has(span.span_id) || !steps_said_.insert(span.span_id).second) continue;
      buffer_.Add(protocol::Encode(span));
    }
  }

  void ReadSocket(int socket) {
    std::array<char, protocol::kTraceDatagramLimit + 1> bytes;
    for (int i = 0; i < 64; ++i) {
      const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got < 0) break;
      auto span = static_cast<std::size_t>(got) <= protocol::kTraceDatagramLimit
                      ? TakeDatagram({bytes.data(), static_cast<std::size_t>(got)},
                                     trace_.trace_id(), trace_.root_id())
                      : std::nullopt;
      if (span) {
        buffer_.Add(std::move(*span));
      } else if (malformed_++ == 0) {
        Say("a datagram that is no span");
      }
    }
    SayDrops();
    link_.Kick();
    WriteState();
  }

  // A span of its own for each time that spans were lost, at most one a batch.
  void SayDrops() {
    const std::uint64_t lost = buffer_.dropped() + buffer_.refused();
    if (lost == said_lost_ || next_loss_us_ > NowUs()) return;
    protocol::Span span;
    span.trace_id = trace_.trace_id();
    span.span_id = protocol::DerivedSpanId(trace_.trace_id(), fmt::format("lost {}", lost));
    span.parent_span_id = trace_.root_id();
    span.name = "spans lost";
    span.kind = protocol::SpanKind::kInternal;
    span.start_time_unix_nano.value = span.end_time_unix_nano.value =
        protocol::MonotonicNanoseconds();
    span.attributes = {
        protocol::Attribute("inro.lost_spans", static_cast<std::int64_t>(lost - said_lost_))};
    Say(fmt::format("{} spans lost so far: no room ({}) or refused by the host ({})", lost,
                    buffer_.dropped(), buffer_.refused()));
    said_lost_ = lost;
    next_loss_us_ = NowUs() + 1'000'000;
    buffer_.Add(protocol::Encode(span));
  }

  std::string Body(const std::vector<std::string>& spans) {
    if (!resource_) resource_ = DescribeGuest(units_.systemd(), boot_id_);
    return MakeRequest(spans, *resource_, ClockOffset());
  }

  void Acknowledged(const std::vector<std::string>& spans) {
    std::string ids;
    for (const std::string& bytes : spans) {
      protocol::Span span;
      // Spans of the agent cannot be made again: only the others need to be remembered.
      if (protocol::Decode(bytes, span) && span.trace_id == trace_.trace_id() &&
          span.kind == protocol::SpanKind::kInternal) {
        ids += span.span_id;
      }
    }
    sent_record_.Add(ids);
    WriteState();
  }

  // PID 1 asks this unit to end in the same moment as the last other one went down: the news of
  // that may still be on its way.
  void End(int socket) {
    if (std::exchange(ending_, true)) return;
    const std::uint64_t end_us = NowUs();
    loop_.At(wire::Loop::Clock::now() + kLastNews, [this, socket, end_us] {
      ReadSocket(socket);
      units_.Look();
      Finish(end_us);
    });
  }

  void Finish(std::uint64_t end_us) {
    std::vector<protocol::Span> last = trace_.End(end_us);
    const auto lost = static_cast<std::int64_t>(buffer_.dropped() + buffer_.refused());
    last.back().attributes = {
        protocol::Attribute("inro.lost_spans", lost),
        protocol::Attribute("inro.sent_spans",
                            static_cast<std::int64_t>(buffer_.sent() + buffer_.size()))};
    for (const protocol::Span& span : last) buffer_.Add(protocol::Encode(span));
    link_.Hurry([this] { loop_.Stop(); });
    loop_.At(wire::Loop::Clock::now() + kFlushLimit, [this] {
      Say(fmt::format("{} spans were not taken by the host in time: {}", buffer_.size(),
                      link_.last_error()));
      loop_.Stop();
    });
  }

  void WriteState() {
    if (state_timer_ != 0) return;
    const auto now = wire::Loop::Clock::now();
    state_timer_ = loop_.At(std::max(now, state_written_ + kStateInterval), [this] {
      state_timer_ = 0;
      WriteStateNow();
    });
  }

  void WriteStateNow() {
    state_written_ = wire::Loop::Clock::now();
    std::string error;
    AppendJsonString(link_.last_error(), error);
    const std::string text = fmt::format(
        "{{\"trace_id\":\"{}\",\"connected\":{},\"sent\":{},\"kept\":{},\"dropped\":{},"
        "\"refused\":{},\"failures\":{},\"last_error\":{}}}\n",
        protocol::Hex(trace_.trace_id()), link_.connected(), buffer_.sent(), buffer_.size(),
        buffer_.dropped(), buffer_.refused(), link_.failures(), error);
    if (text == state_text_) return;
    state_text_ = text;
    ::mkdir(kStateFolder, 0700);
    (void)sys::WriteFileAtomically(kStatePath, text, 0600);
  }

  wire::Loop& loop_;
  const std::string boot_id_;
  BootTrace trace_;
  SpanBuffer buffer_;
  SentRecord sent_record_;
  HostLink link_;
  UnitWatch units_;
  std::optional<protocol::TraceResource> resource_;
  std::string steps_text_;
  std::set<std::string> steps_said_;
  std::uint64_t said_lost_ = 0;
  std::uint64_t next_loss_us_ = 0;
  std::uint64_t malformed_ = 0;
  bool ending_ = false;
  wire::Loop::Token state_timer_ = 0;
  wire::Loop::Clock::time_point state_written_{};
  std::string state_text_;
};

// The unit whose start ends the boot: "systemd.unit=" chooses another.
std::string Target(std::string_view line) {
  constexpr std::string_view kWord = "systemd.unit=";
  std::string target = "kata-containers.target";
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t\n"), line.size());
    if (line.substr(0, end).starts_with(kWord)) target = line.substr(0, end).substr(kWord.size());
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return target;
}

Result<> Serve(const sigset_t& signals) {
  const std::string line = sys::ReadFile("/proc/cmdline", 65536).value_or("");
  if (!protocol::KernelCommandLine(line).Bool("agent.trace")) return {};
  INRO_ASSIGN(const std::string boot_id, sys::ReadFile("/proc/sys/kernel/random/boot_id"));
  if (protocol::BootTraceId(boot_id).empty()) return Fail("the kernel's boot id is {}", boot_id);
  ::mkdir(kRunFolder, 0700);
  INRO_ASSIGN(const std::unique_ptr<wire::Loop> loop, wire::Loop::Create());
  TraceRole role(*loop, boot_id, Target(line));
  return role.Run(signals);
}

}  // namespace

int RunTrace(int, char**) {
  ::mallopt(M_ARENA_MAX, 1);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const auto served = Serve(signals);
  if (served) return 0;
  std::fprintf(stderr, "inro-trace: %s\n", served.error().ToString().c_str());
  return 1;
}

}  // namespace inro::guest::trace
