// `inro trace`: receives a guest's spans, into a file, on to a collector, or as a picture.
#include <sys/stat.h>

#include <stop_token>
#include <thread>

#include "boot_target.h"
#include "protocol/agent_api.h"
#include "report/trace_timeline.h"
#include "stop_on_interrupt.h"
#include "sys/file.h"
#include "trace_outputs.h"
#include "verbs.h"
#include "vmm/guest/guest.h"
#include "vmm/guest/readiness.h"
#include "vmm/host/guest_address.h"
#include "vmm/host/trace_sinks.h"
#include "wire/client.h"

namespace inro::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCallLimit{30'000};
constexpr milliseconds kPowerOffLimit{60'000};
// From ready to the end of the span "boot", and of the last span's way after the guest's end.
constexpr milliseconds kBootLimit{60'000};
constexpr milliseconds kLook{100};

class TraceVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"TARGET",
         "",
         &target_options_.path,
         "A running guest (name, vsock://CID, socket), or a definition or artifact to boot",
         {},
         true},
        {"-o,--output", "FILE", &output_, "OTLP JSON, a request a line; - for stdout (default)"},
        {"--otlp", "URL", &otlp_, "On to this OTLP/HTTP collector (http://localhost:4318)"},
        {"--html", "FILE", &html_, "A timeline of boot, life and shutdown"},
        {"--form",
         "",
         &target_options_.form,
         "Of a definition or manifest (default: initrd)",
         {"image", "initrd"}},
        {"--init", "INIT", &target_options_.init, "Of a definition or manifest"},
        {"--cache", "DIR", &target_options_.cache_dir, "The cache (default: ~/.cache/inro)"},
        {"--for", "SECONDS", &life_, "How long a booted guest lives after its boot (default: 0)"},
        {"--append", "WORDS", &append_, "Kernel parameters to add; may be given several times"},
        {"--accel", "", &accel_, "KVM where it works, else TCG", {"auto", "kvm", "tcg"}},
    };
  }

  Result<int> Run(Session& session) override {
    const StopOnInterrupt stop(session);
    INRO_TRY(OpenSinks(session));
    const Result<int> status = IsBootable(target_options_.path) ? TraceBoot(session, stop.token())
                                                                : TraceGuest(session, stop.token());
    if (!status) return status;
    outputs_.Finish(stop.token());
    if (!html_.empty()) {
      const report::Timeline timeline = report::MakeTimeline(memory_.Spans());
      INRO_TRY(sys::WriteFile(html_, report::TimelinePage(timeline, title_)));
    }
    return status;
  }

 private:
  // A definition or an artifact; the hybrid socket of a guest is a path too.
  static bool IsBootable(const std::string& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 &&
           (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode));
  }

  Result<> OpenSinks(Session& session) {
    if (output_.empty() && otlp_.empty() && html_.empty()) output_ = "-";
    INRO_TRY(outputs_.Open(output_, otlp_, session));
    outputs_.Add(memory_);
    return {};
  }

  Result<std::unique_ptr<vmm::TraceReceiver>> Receive(const vmm::GuestAddress& guest) {
    INRO_ASSIGN(UniqueFd listener, vmm::ListenForGuest(guest, protocol::kTracePort));
    return vmm::TraceReceiver::Start(std::move(listener), outputs_.sink(),
                                     [guest](int fd) { return vmm::AcceptFromGuest(guest, fd); });
  }

  void Say(Session& session, const vmm::TraceReceiver& receiver) const {
    const vmm::TraceCounts counts = receiver.counts();
    session.progress.Note(
        fmt::format("{} spans in {} requests over {} connections{}", counts.spans, counts.requests,
                    counts.connections,
                    counts.malformed == 0 ? "" : fmt::format(", {} malformed", counts.malformed)));
    if (counts.spans == 0) {
      session.progress.Note(
          "no spans: a guest sends them with agent.trace on its kernel's command line");
    }
  }

  // Until Ctrl-C or the guest's end.
  Result<int> TraceGuest(Session& session, const std::stop_token& stop) {
    INRO_ASSIGN(const vmm::GuestAddress guest, vmm::FindGuest(target_options_.path));
    title_ = guest.ToString();
    INRO_ASSIGN(const auto receiver, Receive(guest));
    session.progress.Step(fmt::format("receive spans of {}; Ctrl-C ends", guest.ToString()));
    bool over = false;
    while (!stop.stop_requested() && !over) {
      std::this_thread::sleep_for(kLook);
      // The root span is the last of all; a guest that was killed leaves no socket behind.
      over = memory_.WaitFor("sandbox", milliseconds(0)) ||
             (guest.kind == vmm::GuestAddress::Kind::kHybrid && !sys::Exists(guest.socket));
    }
    receiver->Stop();
    session.progress.Step("");
    Say(session, *receiver);
    return stop.stop_requested() ? 130 : 0;
  }

  Result<int> TraceBoot(Session& session, const std::stop_token& stop) {
    INRO_ASSIGN(BootTarget target, FindTarget(target_options_, session));
    INRO_ASSIGN(target.machine.accel, vmm::ParseAccel(accel_));
    target.machine.command_line.emplace_back("agent.trace");
    for (const std::string& words : append_) {
      for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        if (end > at) target.machine.command_line.push_back(words.substr(at, end - at));
        at = end + 1;
      }
    }
    title_ = target.artifact.substr(target.artifact.rfind('/') + 1);
    session.progress.Step("start the guest");
    INRO_ASSIGN(const auto guest, vmm::Guest::Start(target.machine));
    const vmm::GuestAddress address{vmm::GuestAddress::Kind::kHybrid, guest->name(),
                                    guest->paths().hybrid_socket(), 0};
    INRO_ASSIGN(const auto receiver, Receive(address));
    session.progress.Step("wait for the agent");
    vmm::BootWatch watch(guest->exec_time());
    vmm::ReadinessOptions options;
    options.stop = stop;
    INRO_ASSIGN(auto ready, vmm::WaitReady(*guest, watch, options));
    ready.connection.reset();
    session.progress.Step("wait for the end of the boot");
    if (!memory_.WaitFor("boot", kBootLimit)) {
      return Fail("the agent answered, but no span of the boot came in {} s",
                  kBootLimit.count() / 1000);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(life_.value_or(0));
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(kLook);
    }
    session.progress.Step("power off");
    vmm::PowerOffOptions off;
    off.agent_limit = kPowerOffLimit;
    off.ask_agent = [&]() -> Result<> {
      INRO_ASSIGN(UniqueFd socket, guest->Connect(vmm::kAgentPort, kCallLimit));
      wire::Client agent(std::move(socket));
      INRO_TRY(agent.CallOk(protocol::kAgentService, "DestroySandbox", "", kCallLimit));
      return {};
    };
    INRO_ASSIGN(const vmm::PowerOffWay way, guest->PowerOff(off));
    receiver->Stop();
    session.progress.Step("");
    Say(session, *receiver);
    if (way != vmm::PowerOffWay::kAgent) {
      return Fail("the agent did not power the guest off; it ended by {}", vmm::Word(way));
    }
    if (!memory_.WaitFor("sandbox", milliseconds(0))) {
      return Fail("the guest ended, but its root span did not come");
    }
    return stop.stop_requested() ? 130 : 0;
  }

  TargetOptions target_options_;
  std::string output_;
  std::string otlp_;
  std::string html_;
  std::optional<std::uint64_t> life_;
  std::vector<std::string> append_;
  std::string accel_ = "auto";
  std::string title_;
  vmm::TraceMemorySink memory_;
  TraceOutputs outputs_;
};

}  // namespace

std::unique_ptr<Verb> MakeTraceVerb() { return std::make_unique<TraceVerb>(); }

}  // namespace inro::cli
