#include "vmm/host/trace_sinks.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "sys/file.h"
#include "vmm/host/trace_json.h"

namespace inro::vmm {

Result<std::unique_ptr<TraceFileSink>> TraceFileSink::Open(const std::string& path) {
  if (path == "-") {
    return std::unique_ptr<TraceFileSink>(new TraceFileSink(UniqueFd(::dup(STDOUT_FILENO)), path));
  }
  INRO_ASSIGN(UniqueFd file, sys::Open(path, O_WRONLY | O_CREAT | O_APPEND));
  return std::unique_ptr<TraceFileSink>(new TraceFileSink(std::move(file), path));
}

bool TraceFileSink::Take(const protocol::ExportTraceRequest& request) {
  if (SpanCount(request) == 0) return true;
  return sys::WriteAll(file_.get(), TraceJson(request) + "\n", path_).has_value();
}

bool TraceMemorySink::Take(const protocol::ExportTraceRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    if (count_ < kMostSpans) {
      groups_.insert(groups_.end(), request.resource_spans.begin(), request.resource_spans.end());
    }
    count_ += SpanCount(request);
  }
  arrived_.notify_all();
  return true;
}

std::vector<protocol::ResourceSpans> TraceMemorySink::Spans() const {
  const std::lock_guard lock(mutex_);
  return groups_;
}

std::size_t TraceMemorySink::size() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

bool TraceMemorySink::WaitFor(std::string_view name, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_for(lock, limit, [&] {
    for (const auto& group : groups_) {
      for (const auto& scope : group.scope_spans) {
        if (std::ranges::find(scope.spans, name, &protocol::Span::name) != scope.spans.end()) {
          return true;
        }
      }
    }
    return false;
  });
}

bool TraceFanOut::HasRoom() const {
  return std::ranges::all_of(sinks_, [](const TraceSink* sink) { return sink->HasRoom(); });
}

bool TraceFanOut::Take(const protocol::ExportTraceRequest& request) {
  if (sinks_.empty()) return true;
  if (!HasRoom() || !sinks_.front()->Take(request)) return false;
  for (std::size_t i = 1; i < sinks_.size(); ++i) sinks_[i]->Take(request);
  return true;
}

}  // namespace inro::vmm
