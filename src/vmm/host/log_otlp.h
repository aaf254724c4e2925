// Records of a guest's log to a collector of OpenTelemetry, by OTLP over HTTP in its JSON encoding
// (opentelemetry.io/docs/specs/otlp).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "vmm/host/log_entry.h"
#include "vmm/host/otlp_post.h"

namespace inro::vmm {

// The body of one request: ExportLogsServiceRequest. `guest` becomes the resource's name.
std::string EncodeOtlpLogs(const std::string& guest, std::span<const LogEntry> entries);

// "http://localhost:4318" gets the standard path /v1/logs; a URL with a path is taken as it is.
// An error of kind kBadInput when it is no http(s) URL.
Result<std::string> OtlpLogUrl(const std::string& url);

struct OtlpLogOptions {
  std::string guest;
  std::size_t queue = 20'000;  // records that wait at most; further ones are dropped and counted
  std::size_t batch = 512;
  std::chrono::milliseconds gather{500};       // how long a record waits for others
  std::chrono::milliseconds retry_first{500};  // doubles up to retry_most
  std::chrono::milliseconds retry_most{15'000};
  OtlpPostLimits limits;
  std::chrono::milliseconds end_limit{5000};  // for what is left when the exporter ends
  // What there is to say: drops, a collector that does not answer. From the exporter's thread.
  std::function<void(std::string_view)> note;
};

// Sends from a thread of its own: Add never waits. A collector that is away or answers 429 or 5xx
// is tried again; what it refuses for good is dropped and said.
class OtlpLogExporter {
 public:
  OtlpLogExporter(std::string url, OtlpLogOptions options);
  ~OtlpLogExporter();  // tries to send the rest, within end_limit

  void Add(LogEntry entry);
  std::uint64_t sent() const;
  std::uint64_t dropped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace inro::vmm
