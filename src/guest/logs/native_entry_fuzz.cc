// Any bytes as entries of the journal's native protocol, and as a line of the agent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "guest/logs/agent_line.h"
#include "guest/logs/field_list.h"
#include "guest/logs/native_entry.h"
#include "guest/logs/record.h"
#include "guest/logs/record_json.h"

namespace logs = inro::guest::logs;

namespace {

// The list is whole and bounded, and the line that comes of it is one line.
void Check(const logs::Record& record) {
  if (record.fields.size() > logs::kMaxFields) std::abort();
  std::string_view rest = record.fields;
  for (logs::Field field; logs::TakeField(rest, field);) {
  }
  if (!rest.empty()) std::abort();
  std::string out;
  logs::AppendJsonRecord(record, out);
  if (out.find('\n') != out.size() - 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  logs::NativeEntry entry;
  while (logs::TakeNativeEntry(rest, entry)) {
    Check({.priority = entry.priority,
           .identifier = entry.identifier,
           .message = entry.message,
           .fields = entry.fields});
  }
  logs::AgentLine line;
  if (logs::ParseAgentLine(bytes, line)) {
    Check({.priority = line.priority,
           .identifier = line.name,
           .message = line.message,
           .fields = line.fields});
  }
  return 0;
}
