#include "trace_outputs.h"

namespace inro::cli {

Result<> TraceOutputs::Open(const std::string& file, const std::string& otlp, Session& session) {
  if (!file.empty()) {
    INRO_ASSIGN(file_, vmm::TraceFileSink::Open(file));
    all_.Add(*file_);
  }
  if (!otlp.empty()) {
    INRO_ASSIGN(const std::string url, vmm::OtlpTraceUrl(otlp));
    vmm::TraceForwardOptions options;
    options.note = [&session](std::string_view line) { session.progress.Note(line); };
    forward_ = std::make_unique<vmm::TraceForwardSink>(url, options);
    all_.Add(*forward_);
  }
  return {};
}

}  // namespace inro::cli
