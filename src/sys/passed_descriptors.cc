#include "sys/passed_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace inro::sys {
namespace {

int NumberIn(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return 0;
  const std::string_view view = text;
  int value = 0;
  const auto parsed = std::from_chars(view.data(), view.data() + view.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == view.data() + view.size() ? value : 0;
}

}  // namespace

int PassedDescriptors() {
  const bool mine = NumberIn("LISTEN_PID") == ::getpid();
  const int count = NumberIn("LISTEN_FDS");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (!mine || count <= 0 || count > 1024) return 0;
  for (int i = 0; i < count; ++i) {
    const int fd = kFirstPassedDescriptor + i;
    ::fcntl(fd, F_SETFD, ::fcntl(fd, F_GETFD) | FD_CLOEXEC);
  }
  return count;
}

}  // namespace inro::sys
