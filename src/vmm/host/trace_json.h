// OTLP's JSON form of traces (OTLP specification, "JSON Protobuf Encoding"): ids in hexadecimal,
// 64-bit numbers as strings, enums as numbers, names in lowerCamelCase.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/trace_message.h"

namespace inro::vmm {

// One line, without its newline.
std::string TraceJson(const protocol::ExportTraceRequest& request);

// Reads an ExportTraceServiceRequest; unknown members are skipped. Array and key-value attribute
// values are kept. Errors are of kind kBadInput.
Result<protocol::ExportTraceRequest> ParseTraceJson(std::string_view text);

}  // namespace inro::vmm
