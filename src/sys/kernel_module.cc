#include "sys/kernel_module.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/scope_guard.h"
#include "base/unique_fd.h"

namespace inro::sys {
namespace {

// The last bytes of a signed module (include/linux/module_signature.h, MODULE_SIG_STRING).
constexpr std::string_view kSignatureMarker = "~Module signature appended~\n";

// Loads the file's content without its signature; the errno says what the kernel made of it.
int LoadUnsigned(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return errno;
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return ENOEXEC;
  void* const content = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (content == MAP_FAILED) return errno;
  const ScopeGuard unmap([&] { ::munmap(content, size); });
  const std::size_t length = UnsignedModuleLength({static_cast<const char*>(content), size});
  return ::syscall(SYS_init_module, content, length, "") == 0 ? 0 : errno;
}

}  // namespace

std::size_t UnsignedModuleLength(std::span<const char> file) {
  const std::string_view bytes(file.data(), file.size());
  return bytes.ends_with(kSignatureMarker) ? bytes.size() - kSignatureMarker.size() : bytes.size();
}

int LoadKernelModule(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno;
  const int refused = LoadUnsigned(fd.get());
  if (refused == 0 || refused == EEXIST) return refused;
  return ::syscall(SYS_finit_module, fd.get(), "", 0) == 0 ? 0 : errno;
}

}  // namespace inro::sys
