#include "guest/logs/kmsg_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "guest/logs/field_list.h"
#include "guest/logs/kmsg_record.h"

namespace inro::guest::logs {
namespace {

constexpr int kRecordsInARow = 64;
constexpr std::size_t kMaxRecord = 8 << 10;  // the kernel's own limit

}  // namespace

bool KmsgSource::Read() {
  char buffer[kMaxRecord];
  for (int i = 0; i < kRecordsInARow; ++i) {
    const ssize_t size = ::read(device_.get(), buffer, sizeof buffer);
    if (size > 0) {
      Take({buffer, static_cast<std::size_t>(size)});
    } else if (size < 0 && (errno == EPIPE || errno == EINTR || errno == EINVAL)) {
      continue;  // overwritten: the next record's number tells how many
    } else {
      broken_ = size == 0 || errno != EAGAIN;
      return false;
    }
  }
  return true;
}

void KmsgSource::Take(std::string_view bytes) {
  KernelRecord kernel;
  if (!ParseKernelRecord(bytes, kernel)) return;
  const std::uint64_t expected = ring_.kernel_next();
  if (kernel.number < expected) return;  // taken by an earlier process
  if (kernel.number > expected) {
    // The very first one that is kept may be late: then the ring of the kernel was too small.
    const std::string count = std::to_string(kernel.number - expected);
    std::string fields;
    AppendField({.name = "lost", .value = count, .raw = true}, fields);
    AppendField({.name = "of", .value = "kernel"}, fields);
    intake_.Say(
        kPriorityWarning,
        fmt::format("{} records of the kernel's log were overwritten before they were read", count),
        fields);
  }
  ring_.set_kernel_next(kernel.number + 1);
  const Stamp now = Stamp::Now();
  std::string fields;
  if (!kernel.device.empty()) AppendField({.name = "device", .value = kernel.device}, fields);
  Record record;
  // The kernel's stamps are on the monotonic clock, which is what the two differ by.
  record.monotonic_us = kernel.monotonic_us;
  record.realtime_us = now.realtime_us - (now.monotonic_us - kernel.monotonic_us);
  record.priority = kernel.priority;
  record.source = kernel.from_kernel ? Source::kKernel : Source::kSyslog;
  record.pid = kernel.pid;
  if (kernel.pid != 0) {
    record.unit = units_.Find(static_cast<pid_t>(kernel.pid), now.monotonic_us);
  }
  record.identifier = kernel.identifier;
  record.message = kernel.text;
  record.fields = fields;
  intake_.Take(record);
}

}  // namespace inro::guest::logs
