#include "guest/logs/datagram_source.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "guest/logs/field_list.h"
#include "guest/logs/native_entry.h"
#include "guest/logs/syslog_line.h"

namespace inro::guest::logs {
namespace {

constexpr int kDatagramsInARow = 64;
constexpr std::string_view kJournald = "systemd-journald.service";

}  // namespace

DatagramSource::DatagramSource(UniqueFd socket, Protocol protocol, Intake& intake,
                               ProcessUnits& units)
    : socket_(std::move(socket)),
      protocol_(protocol),
      intake_(intake),
      units_(units),
      buffer_(new char[kMaxDatagram]) {
  const int on = 1;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

bool DatagramSource::Read() {
  for (int i = 0; i < kDatagramsInARow; ++i) {
    iovec part{buffer_.get(), kMaxDatagram};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 4)];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) return false;  // none is left; a broken socket shows in no other way
    pid_t pid = 0;
    UniqueFd file;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET) continue;
      if (header->cmsg_type == SCM_CREDENTIALS) {
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
        pid = sender.pid;
      } else if (header->cmsg_type == SCM_RIGHTS) {
        // One file is the protocol; whatever else came is closed.
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t k = 0; k < count; ++k) {
          int fd = -1;
          std::memcpy(&fd, CMSG_DATA(header) + k * sizeof fd, sizeof fd);
          file.reset(fd);
        }
      }
    }
    if (file) {
      if (protocol_ == Protocol::kNative && size == 0) TakeFile(file.get(), pid);
    } else {
      Take({buffer_.get(), static_cast<std::size_t>(size)}, pid);
    }
  }
  return true;
}

void DatagramSource::TakeFile(int fd, pid_t pid) {
  // Read, not mapped: the sender could shrink the file at any time.
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
  std::size_t size = 0;
  while (size < kMaxDatagram) {
    const ssize_t got =
        ::pread(fd, buffer_.get() + size, kMaxDatagram - size, static_cast<off_t>(size));
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  TakeNative({buffer_.get(), size}, pid);
}

void DatagramSource::Take(std::string_view bytes, pid_t pid) {
  if (protocol_ == Protocol::kNative) {
    TakeNative(bytes, pid);
  } else {
    TakeSyslog(bytes, pid);
  }
}

void DatagramSource::TakeSyslog(std::string_view bytes, pid_t pid) {
  const Stamp now = Stamp::Now();
  const SyslogLine line = ParseSyslogLine(bytes);
  Record record{.realtime_us = now.realtime_us,
                .monotonic_us = now.monotonic_us,
                .pid = static_cast<std::uint32_t>(pid),
                .priority = line.priority,
                .source = Source::kSyslog,
                .identifier = line.identifier,
                .message = line.message,
                .line = bytes};
  record.unit = units_.Find(pid, now.monotonic_us);
  if (protocol_ == Protocol::kForwarded) {
    record.source = Source::kJournal;
    // journald sends in its own name when the writer is gone.
    if (record.unit == kJournald && line.pid != 0 && line.pid != record.pid) {
      record.pid = line.pid;
      record.unit = units_.Find(static_cast<pid_t>(line.pid), now.monotonic_us);
    }
  }
  std::string fields;
  if (!line.message_id.empty()) {
    AppendField({.name = "SYSLOG_MSGID", .value = line.message_id}, fields);
  }
  if (!line.structured.empty()) {
    AppendField({.name = "SYSLOG_STRUCTURED_DATA", .value = line.structured}, fields);
  }
  record.fields = fields;
  if (!record.message.empty()) intake_.Take(record);
}

void DatagramSource::TakeNative(std::string_view bytes, pid_t pid) {
  const Stamp now = Stamp::Now();
  const std::string_view unit = units_.Find(pid, now.monotonic_us);
  NativeEntry entry;
  while (TakeNativeEntry(bytes, entry)) {
    if (entry.message.empty()) continue;  // as journald has it
    if (entry.left_out > 0) {
      const std::string count = std::to_string(entry.left_out);
      AppendField({.name = "fields_left_out", .value = count, .raw = true}, entry.fields);
    }
    intake_.Take({.realtime_us = now.realtime_us,
                  .monotonic_us = now.monotonic_us,
                  .pid = static_cast<std::uint32_t>(pid),
                  .priority = entry.priority,
                  .source = Source::kJournal,
                  .unit = unit,
                  .identifier = entry.identifier,
                  .message = entry.message,
                  .fields = entry.fields});
  }
}

}  // namespace inro::guest::logs
