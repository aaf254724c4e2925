#include "guest/init/boot_steps.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "sys/file.h"

namespace inro::guest {
namespace {

std::uint64_t NowUs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

BootSteps::BootSteps() { Mark("kernel"); }

void BootSteps::Mark(std::string_view step) {
  const std::uint64_t now_us = NowUs();
  text_ += fmt::format("{}\t{}\t{}\n", step, last_us_, now_us);
  last_us_ = now_us;
}

void BootSteps::Write(bool mount_run) const {
  if (mount_run &&
      ::mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=755") != 0) {
    return;
  }
  ::mkdir("/run/inro", 0700);
  (void)sys::WriteFileAtomically(kPath, text_, 0600);
}

}  // namespace inro::guest
