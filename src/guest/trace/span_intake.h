// From spans with the guest's clock to the request that the host gets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/trace_message.h"

namespace inro::guest::trace {

// A datagram of kTraceSocket made a span of this boot, encoded; nullopt when it is none. Without a
// trace id it belongs to the boot's trace, a child of `root_id` unless it names its parent; a span
// of another trace gets a link to the root.
std::optional<std::string> TakeDatagram(std::string_view bytes, std::string_view trace_id,
                                        std::string_view root_id);

// Encodes an ExportTraceServiceRequest. `spans` are encoded, with times of CLOCK_MONOTONIC;
// `clock_offset` (CLOCK_REALTIME minus CLOCK_MONOTONIC, nanoseconds) makes them Unix times. Since
// the wall clock may be set while the guest runs, each span keeps its start on the monotonic clock
// in the attribute "inro.monotonic_start".
std::string MakeRequest(const std::vector<std::string>& spans,
                        const protocol::TraceResource& resource, std::int64_t clock_offset);

inline constexpr std::string_view kMonotonicStart = "inro.monotonic_start";

}  // namespace inro::guest::trace
