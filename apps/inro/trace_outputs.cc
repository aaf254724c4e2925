#include "trace_outputs.h"

namespace inro::cli {
namespace {

using std::chrono::seconds;

constexpr seconds kCollectorLimit{90};
constexpr seconds kInterruptedLimit{5};

}  // namespace

Result<> TraceOutputs::Open(const std::string& file, const std::string& otlp, Session& session) {
  if (!file.empty()) {
    INRO_ASSIGN(file_, vmm::TraceFileSink::Open(file));
    all_.Add(*file_);
  }
  if (!otlp.empty()) {
    INRO_ASSIGN(const std::string url, vmm::OtlpTraceUrl(otlp));
    vmm::TraceForwardOptions options;
    options.note = [&session](std::string_view line) { session.progress.Note(line); };
    session_ = &session;
    forward_ = std::make_unique<vmm::TraceForwardSink>(url, options);
    all_.Add(*forward_);
  }
  return {};
}

void TraceOutputs::Finish(const std::stop_token& stop) {
  if (!forward_) return;
  session_->progress.Step("send what is left to the collector; Ctrl-C gives it up");
  if (stop.stop_requested()) {
    forward_->End(kInterruptedLimit);
  } else {
    forward_->End(kCollectorLimit, stop);
  }
  session_->progress.Step("");
}

}  // namespace inro::cli
