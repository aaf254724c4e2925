// Unit files of any content: loaded, with a drop-in, and put in a transaction.
#include <cstddef>
#include <cstdint>
#include <string>

#include "sys/fake/memory_file_source.h"
#include "unit/transaction.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  inro::sys::MemoryFileSource files;
  files.AddFile("/etc/systemd/system/a.service", text);
  files.AddFile("/etc/systemd/system/b@.service", text.substr(0, half));
  files.AddFile("/etc/systemd/system/a.service.d/x.conf", text.substr(half));
  files.AddFile("/etc/systemd/system/m.mount", text);
  files.AddLink("/etc/systemd/system/a.service.wants/b@x.service", "../b@.service");
  files.AddLink("/etc/systemd/system/a.service.wants/m.mount", "../m.mount");
  inro::unit::Loader loader(files, {});
  static_cast<void>(inro::unit::BuildTransaction(loader, "a.service"));
  for (const auto& finding : loader.findings()) static_cast<void>(ToString(finding));
  return 0;
}
