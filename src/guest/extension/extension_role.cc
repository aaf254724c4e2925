#include "guest/extension/extension_role.h"

#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "guest/extension/module_set.h"
#include "guest/extension/mount_extension.h"
#include "sys/file.h"

namespace inro::guest::extension {
namespace {

constexpr std::string_view kModules[] = {"virtio_blk", "dm_verity", "erofs"};
constexpr std::size_t kLongestLine = 64 * 1024;
// A disk that is there from the start is seen when its driver is loaded. One that comes late is
// waited for.
constexpr int kLooks = 100;
constexpr timespec kBetweenLooks{.tv_sec = 0, .tv_nsec = 20'000'000};

constexpr int kError = 3;
constexpr int kInfo = 6;

// To the kernel's log: it is on the console, too, when the guest ends at once.
void Say(int level, std::string_view name, std::string_view line) {
  const std::string record = fmt::format("<{}>extension {}: {}\n", level, name, line);
  const auto log = sys::Open("/dev/kmsg", O_WRONLY);
  if (log && sys::WriteAll(log->get(), record, "/dev/kmsg")) return;
  std::fputs(record.c_str() + 3, stderr);
}

Result<ExtensionDisk> WaitForDisk(const sys::FileSource& files, const std::string& serial) {
  for (int look = 1;; ++look) {
    auto disk = FindExtensionDisk(files, serial);
    if (disk || disk.error().kind() != ErrorKind::kNotFound || look == kLooks) return disk;
    ::nanosleep(&kBetweenLooks, nullptr);
  }
}

Result<std::string> Mount(const std::string& name, const MountSeams& seams) {
  INRO_ASSIGN(const std::string line, sys::ReadFile("/proc/cmdline", kLongestLine));
  const auto words = protocol::ExtensionWords(line);
  const auto word = std::ranges::find(words, name, &protocol::ExtensionWord::name);
  if (word == words.end()) {
    return Fail("the kernel's command line has no {}", protocol::ExtensionParameter(name));
  }
  INRO_TRY(LoadModules(seams.files, kModules));
  INRO_ASSIGN(const ExtensionDisk disk, WaitForDisk(seams.files, protocol::ExtensionSerial(name)));
  return MountExtension(name, word->value, disk, seams);
}

}  // namespace

int RunExtensionMount(int argc, char** argv) {
  const bool unmount = argc == 3 && std::string_view(argv[1]) == "--unmount";
  const std::string name = argc == 2 || unmount ? argv[argc - 1] : "";
  if (!protocol::IsExtensionName(name)) {
    std::fputs("usage: inro-guest extension-mount [--unmount] NAME\n", stderr);
    return 2;
  }
  const sys::DiskFileSource files;
  sys::SystemDeviceMapper mapper;
  sys::SystemMounts mounts;
  SystemContentCheck check;
  const MountSeams seams{files, mapper, mounts, check};
  if (unmount) {
    const auto done = UnmountExtension(name, seams);
    if (!done) Say(kError, name, done.error().ToString());
    return done ? 0 : 1;
  }
  const auto mounted = Mount(name, seams);
  Say(mounted ? kInfo : kError, name, mounted ? *mounted : mounted.error().ToString());
  return mounted ? 0 : 1;
}

}  // namespace inro::guest::extension
