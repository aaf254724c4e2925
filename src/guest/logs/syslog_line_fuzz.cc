// Any bytes as a datagram of /dev/log: all parts lie inside the line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "guest/logs/syslog_line.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto line = inro::guest::logs::ParseSyslogLine(bytes);
  if (line.priority > 7) std::abort();
  for (const std::string_view part :
       {line.identifier, line.message, line.message_id, line.structured}) {
    if (part.empty()) continue;
    if (part.data() < bytes.data() || part.data() + part.size() > bytes.data() + size) std::abort();
  }
  return 0;
}
