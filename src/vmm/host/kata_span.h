// The spans of Kata's own agent: frames of a 64-bit big-endian length and that many bytes of JSON,
// one span each, as the agent's OpenTelemetry library serialises its SpanData.
//
// What its JSON says is taken as far as it says it: names, ids (decimal numbers of 128 and 64 bits,
// or hexadecimal text), parent, kind, times ({secs_since_epoch, nanos_since_epoch}), attributes,
// status.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "protocol/trace_message.h"

namespace inro::vmm {

inline constexpr std::size_t kKataHeaderSize = 8;
inline constexpr std::size_t kKataFrameLimit = std::size_t{1} << 20;

// The length in a frame's header; `header` has kKataHeaderSize bytes.
std::uint64_t KataFrameLength(std::string_view header);

// A request with the one span, under the service name "kata-agent". Errors: kBadInput.
Result<protocol::ExportTraceRequest> ParseKataSpan(std::string_view json);

}  // namespace inro::vmm
