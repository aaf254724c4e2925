// Identities of traces and spans, and how they travel: W3C Trace Context (traceparent, level 1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/trace_message.h"

namespace inro::protocol {

inline constexpr std::size_t kTraceIdSize = 16;
inline constexpr std::size_t kSpanIdSize = 8;

// What a "traceparent" says: the caller's span is the parent of what is done for it.
struct TraceParent {
  std::string trace_id;  // 16 bytes, not all zero
  std::string span_id;   // 8 bytes, not all zero
  std::uint8_t flags = 0;
};

// "00-<32 hex>-<16 hex>-<2 hex>". Of later versions the same front is taken, whatever follows after
// a '-'. nullopt for anything else, upper case and all-zero ids among it, as the specification
// says.
std::optional<TraceParent> ParseTraceParent(std::string_view text);
std::string FormatTraceParent(const TraceParent& parent);

// Lower-case hexadecimal digits, two a byte.
std::string Hex(std::string_view bytes);
// The bytes, or nullopt when `text` is not an even number of hexadecimal digits.
std::optional<std::string> FromHex(std::string_view text);

// The boot's own trace: its id is the kernel's boot id (/proc/sys/kernel/random/boot_id), so that
// every program of the guest knows it without asking. Empty when the text is no such id.
std::string BootTraceId(std::string_view boot_id);
// The id of a span of the boot's trace, from what it is ("root", "unit chrony.service 1234"): the
// same span has the same id each time it is made. 8 bytes, never all zero.
std::string DerivedSpanId(std::string_view trace_id, std::string_view what);

KeyValue Attribute(std::string_view key, std::string_view value);
KeyValue Attribute(std::string_view key, std::int64_t value);

// The value of a text or number attribute; nullptr / fallback when there is none.
const std::string* TextAttribute(const std::vector<KeyValue>& attributes, std::string_view key);
std::int64_t NumberAttribute(const std::vector<KeyValue>& attributes, std::string_view key,
                             std::int64_t fallback);

}  // namespace inro::protocol
