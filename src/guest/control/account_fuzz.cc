// A user as the host writes it, on the first line, and the guest's passwd and group after it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "guest/control/account.h"
#include "sys/fake/memory_file_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string files(text.substr(std::min(line + 1, text.size())));
  inro::sys::MemoryFileSource source;
  source.AddFile("/etc/passwd", files);
  source.AddFile("/etc/group", files);
  (void)inro::guest::control::FindAccount(text.substr(0, line), source);
  return 0;
}
