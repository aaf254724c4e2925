// The host's end of traces: takes spans from the connections that a guest makes to port 10240.
//
// A connection whose first byte is 0 carries frames of Kata's own agent (kata_span.h); any other
// speaks HTTP/1.1: POST /v1/traces with an OTLP body, protobuf or JSON. A request is answered 200
// once the sink has taken it, so what a guest holds acknowledged has arrived. Several connections
// at once, each with bounded memory; what is malformed is answered and its connection closed.
//
//   TraceReceiver::Start(ListenForGuest(guest, kTracePort), sink, accept) ... Stop()
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"
#include "protocol/trace_message.h"

namespace inro::vmm {

// Where received spans go. Called on the receiver's thread, one call at a time; must not throw and
// must not block for long.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  // False: Take will not take now. Only calls of Take make the room less.
  virtual bool HasRoom() const { return true; }
  // False: it cannot be taken now; the sender is told to try again (503).
  virtual bool Take(const protocol::ExportTraceRequest& request) = 0;
};

struct TraceCounts {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;   // HTTP requests and Kata frames that were taken
  std::uint64_t spans = 0;      // in them
  std::uint64_t malformed = 0;  // requests and frames that were refused
};

class TraceReceiver {
 public:
  // Gives the next waiting connection, close-on-exec and non-blocking, or an invalid descriptor
  // when nobody waits; the default is accept4(2). For a guest: AcceptFromGuest of guest_address.h.
  using Accept = std::function<Result<UniqueFd>(int listener)>;

  // Serves on a thread of its own until Stop(). `sink` must outlive it.
  static Result<std::unique_ptr<TraceReceiver>> Start(UniqueFd listener, TraceSink& sink,
                                                      Accept accept = {});
  virtual ~TraceReceiver() = default;

  // Takes what has arrived already, closes all connections, ends the thread. Idempotent.
  virtual void Stop() = 0;
  // From any thread.
  virtual TraceCounts counts() const = 0;
};

// The number of spans in a request.
std::size_t SpanCount(const protocol::ExportTraceRequest& request);

}  // namespace inro::vmm
