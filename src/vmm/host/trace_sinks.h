// Where received traces can go: into a file, on to a collector, into memory, or to several at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/host/otlp_post.h"
#include "vmm/host/trace_receiver.h"

namespace inro::vmm {

// OTLP JSON, one request a line, written before the sender gets its answer. What cannot be written
// (a full disk) is not taken.
class TraceFileSink final : public TraceSink {
 public:
  // Appends to `path`; "-" is standard output.
  static Result<std::unique_ptr<TraceFileSink>> Open(const std::string& path);
  bool Take(const protocol::ExportTraceRequest& request) override;

 private:
  explicit TraceFileSink(UniqueFd file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  const UniqueFd file_;
  const std::string path_;
};

// Keeps all spans, up to a limit; beyond it they are taken and counted, but not kept.
class TraceMemorySink final : public TraceSink {
 public:
  static constexpr std::size_t kMostSpans = 200'000;

  bool Take(const protocol::ExportTraceRequest& request) override;
  // From any thread.
  std::vector<protocol::ResourceSpans> Spans() const;
  std::size_t size() const;
  // Waits until a span of this name is there, or `limit` has passed; says which.
  bool WaitFor(std::string_view name, std::chrono::milliseconds limit) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  std::vector<protocol::ResourceSpans> groups_;  // under mutex_
  std::size_t count_ = 0;                        // under mutex_
};

// "http://localhost:4318" gets the standard path /v1/traces; a URL with a path is taken as it is.
// kBadInput when it is no http(s) URL.
Result<std::string> OtlpTraceUrl(const std::string& url);

struct TraceForwardOptions {
  // A full queue takes nothing: the guest keeps it.
  std::size_t queue_bytes = std::size_t{16} << 20;
  std::chrono::milliseconds first_pause{200};  // doubled up to longest_pause
  std::chrono::milliseconds longest_pause{10'000};
  OtlpPostLimits limits;
  std::chrono::milliseconds end_limit{5000};   // for what is queued when the sink goes away
  std::function<void(std::string_view)> note;  // from the sink's thread
};

// Posts to an OTLP/HTTP collector, in protobuf, from a thread of its own: however slow the
// collector is, Take never waits for it.
class TraceForwardSink final : public TraceSink {
 public:
  TraceForwardSink(std::string url, TraceForwardOptions options);
  ~TraceForwardSink() override;
  bool HasRoom() const override;
  bool Take(const protocol::ExportTraceRequest& request) override;
  // Takes nothing more, and waits until the collector has all, `limit` has passed, or `stop` says
  // so. Within a second of either it gives up the request that it waits for. Idempotent.
  void End(std::chrono::milliseconds limit, const std::stop_token& stop = {});
  std::uint64_t sent() const;     // requests
  std::uint64_t refused() const;  // by the collector for good, or left at the end

 private:
  void Run();
  bool SendOne(const std::string& body);  // false: the time for the end is over
  void EndBy(std::chrono::steady_clock::time_point when);
  bool IsOver() const;
  void Note(const std::string& text) const;

  const std::string url_;
  const TraceForwardOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;  // under mutex_, as what follows
  std::size_t queue_bytes_ = 0;
  bool ending_ = false;
  std::chrono::steady_clock::time_point end_by_ = std::chrono::steady_clock::time_point::max();
  std::uint64_t sent_ = 0;
  std::uint64_t refused_ = 0;
  std::thread thread_;
};

// To each of several, in their order: a request is taken when all have room and the first takes it.
class TraceFanOut final : public TraceSink {
 public:
  void Add(TraceSink& sink) { sinks_.push_back(&sink); }
  bool HasRoom() const override;
  bool Take(const protocol::ExportTraceRequest& request) override;

 private:
  std::vector<TraceSink*> sinks_;
};

}  // namespace inro::vmm
