// `inro host`: the host's end of a sandbox that something else started.
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "protocol/time_message.h"
#include "sys/file.h"
#include "trace_outputs.h"
#include "verbs.h"
#include "vmm/host/guest_address.h"
#include "vmm/host/trace_receiver.h"
#include "vmm/time/time_server.h"

namespace inro::cli {
namespace {

constexpr std::chrono::seconds kLookInterval{1};

class HostVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"--socket", "PATH", &socket_, "The sandbox's hybrid socket, or vsock://CID", {}, true},
        {"--traces", "FILE", &trace_file_, "Take traces, append them to a file as OTLP JSON"},
        {"--otlp", "URL", &otlp_, "Take traces, send them on to an OTLP/HTTP collector"},
    };
  }

  Result<int> Run(Session& session) override {
    INRO_ASSIGN(const vmm::GuestAddress guest, vmm::FindGuest(socket_));
    std::vector<UniqueFd> listeners;
    INRO_ASSIGN(UniqueFd listener, vmm::ListenForGuest(guest, protocol::kTimePort));
    listeners.push_back(std::move(listener));
    INRO_ASSIGN(const auto time, vmm::TimeServer::Start(std::move(listeners)));
    INRO_TRY(TakeTraces(session, guest));
    session.progress.Step(fmt::format("serve {} to {}; Ctrl-C ends it",
                                      receiver_ ? "time and traces" : "time", guest.ToString()));
    const bool interrupted = WaitForEnd(session, guest);
    if (receiver_) receiver_->Stop();
    RemoveSocket(guest, protocol::kTimePort);
    if (receiver_) RemoveSocket(guest, protocol::kTracePort);
    std::stop_source stop;
    if (interrupted) stop.request_stop();
    outputs_.Finish(stop.get_token());
    session.progress.Note(Summary(time->counts()));
    return interrupted ? 130 : 0;
  }

 private:
  Result<> TakeTraces(Session& session, const vmm::GuestAddress& guest) {
    if (trace_file_.empty() && otlp_.empty()) return {};
    INRO_TRY(outputs_.Open(trace_file_, otlp_, session));
    INRO_ASSIGN(UniqueFd listener, vmm::ListenForGuest(guest, protocol::kTracePort));
    INRO_ASSIGN(receiver_, vmm::TraceReceiver::Start(std::move(listener), outputs_.sink(),
                                                     [guest](int waiting) {
                                                       return vmm::AcceptFromGuest(guest, waiting);
                                                     }));
    return {};
  }

  // Until Ctrl-C (true), or until the sandbox's socket is gone.
  static bool WaitForEnd(Session& session, const vmm::GuestAddress& guest) {
    std::mutex mutex;
    std::condition_variable changed;
    bool interrupted = false;
    sys::Interrupt::Registration registration;
    if (session.interrupt != nullptr) {
      registration = session.interrupt->On([&] {
        const std::lock_guard lock(mutex);
        interrupted = true;
        changed.notify_all();
        return sys::InterruptOutcome::kEndsByItself;
      });
    }
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, kLookInterval, [&] { return interrupted; })) {
      if (!guest.socket.empty() && !sys::Exists(guest.socket)) break;
      session.progress.Update(0, 0, "");
    }
    return interrupted;
  }

  static void RemoveSocket(const vmm::GuestAddress& guest, std::uint32_t port) {
    if (!guest.socket.empty()) ::unlink(fmt::format("{}_{}", guest.socket, port).c_str());
  }

  std::string Summary(const vmm::TimeServerCounts& counts) const {
    std::string text = fmt::format("told the time {} times", counts.answers);
    if (receiver_) text += fmt::format(", took {} spans", receiver_->counts().spans);
    return text;
  }

  std::string socket_;
  std::string trace_file_;
  std::string otlp_;
  TraceOutputs outputs_;
  std::unique_ptr<vmm::TraceReceiver> receiver_;  // after what it uses
};

}  // namespace

std::unique_ptr<Verb> MakeHostVerb() { return std::make_unique<HostVerb>(); }

}  // namespace inro::cli
