// One request to a collector of OpenTelemetry, by OTLP over HTTP
// (opentelemetry.io/docs/specs/otlp).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace inro::vmm {

struct OtlpPostLimits {
  // Of a collector that is not reached; of one that has a request and stalls. A request that is
  // given up and sent again arrives twice.
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds request{90'000};
};

// Once a process, before threads that post.
void PrepareOtlpPosts();

// The HTTP status; an error when there was none within the limits, or when `give_up`, which is
// asked at least once a second, said true.
Result<long> PostOtlp(const std::string& url, std::string_view content_type,
                      const std::string& body, const OtlpPostLimits& limits,
                      const std::function<bool()>& give_up);

// Of statuses that are no success: whether the specification has the request sent again.
bool IsWorthAnotherTry(long status);

// "http://localhost:4318" gets `path` ("/v1/logs"); a URL with a path is taken as it is.
// kBadInput when it is no http(s) URL.
Result<std::string> OtlpUrl(const std::string& url, std::string_view path);

}  // namespace inro::vmm
