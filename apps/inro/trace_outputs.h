// Where a verb sends the traces that it takes: a file, a collector, or both.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "verb.h"
#include "vmm/host/trace_sinks.h"

namespace inro::cli {

class TraceOutputs {
 public:
  // Empty: not there. `session` outlives this: what the collector refuses is noted.
  Result<> Open(const std::string& file, const std::string& otlp, Session& session);
  // A further one, which outlives this.
  void Add(vmm::TraceSink& sink) { all_.Add(sink); }
  vmm::TraceSink& sink() { return all_; }
  // Sends what is still queued for the collector, which may be slow for a minute; whoever asks for
  // the end does not wait for that long.
  void Finish(const std::stop_token& stop);

 private:
  std::unique_ptr<vmm::TraceFileSink> file_;
  Session* session_ = nullptr;
  std::unique_ptr<vmm::TraceForwardSink> forward_;
  vmm::TraceFanOut all_;
};

}  // namespace inro::cli
