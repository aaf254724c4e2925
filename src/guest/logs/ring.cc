#include "guest/logs/ring.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

namespace inro::guest::logs {
namespace {

constexpr std::uint64_t kMagic = 0x31676f6c6f726e69;  // "inrolog1"
constexpr std::size_t kPage = 4096;
constexpr std::size_t kLargestRing = std::size_t{1} << 30;

// Orders stores for a successor that maps the same pages after this process was killed.
void Publish() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

struct Ring::Control {
  std::uint64_t magic;
  std::uint64_t capacity;
  std::uint64_t head;
  std::uint64_t tail;
  std::uint64_t last_seq;
  std::uint64_t tail_seq;  // of the entry at tail; last_seq + 1 when there is none
  std::uint64_t kernel_next;
};

// A size of 0 says that the ring goes on at its first byte.
struct Ring::Entry {
  std::uint32_t size;  // with this header, a multiple of 8
  std::uint32_t pid;
  std::uint64_t seq;
  std::uint64_t realtime_us;
  std::uint64_t monotonic_us;
  std::uint8_t source;
  std::uint8_t priority;
  std::uint8_t unit_size;
  std::uint8_t identifier_size;
  std::uint16_t message_size;
  std::uint16_t fields_size;

  std::size_t Needed() const {
    return sizeof(Entry) + unit_size + identifier_size + message_size + fields_size;
  }
};

Ring::Ring(UniqueFd file, void* mapping, std::size_t size)
    : file_(std::move(file)),
      control_(static_cast<Control*>(mapping)),
      data_(static_cast<char*>(mapping) + kPage),
      mapped_(size) {}

Ring::Ring(Ring&& other) noexcept
    : file_(std::move(other.file_)),
      control_(std::exchange(other.control_, nullptr)),
      data_(other.data_),
      mapped_(other.mapped_) {}

Ring::~Ring() {
  if (control_ != nullptr) ::munmap(control_, mapped_);
}

Result<Ring> Ring::Create(std::size_t capacity) {
  static_assert(sizeof(Control) <= kPage);
  static_assert(4 * (kMaxMessage + kMaxFields + 2 * kMaxName + sizeof(Entry)) < kSmallestRing);
  capacity = std::clamp(capacity, kSmallestRing, kLargestRing);
  capacity = (capacity + kPage - 1) / kPage * kPage;
  UniqueFd file(::memfd_create("inro-logs", MFD_CLOEXEC));
  if (!file) return FailErrno("make a memory file");
  const std::size_t size = kPage + capacity;
  if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return FailErrno("size the ring");
  void* mapping = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapping == MAP_FAILED) return FailErrno("map the ring");
  Ring ring(std::move(file), mapping, size);
  *ring.control_ = {kMagic, capacity, 0, 0, 0, 1, 0};
  return ring;
}

Result<Ring> Ring::Adopt(UniqueFd file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return FailErrno("look at the kept ring");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < kPage + kSmallestRing || size > kPage + kLargestRing) {
    return Fail("the kept ring has a wrong size");
  }
  void* mapping = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapping == MAP_FAILED) return FailErrno("map the kept ring");
  Ring ring(std::move(file), mapping, size);
  if (!ring.Check()) return Fail("the kept ring is damaged");
  return ring;
}

bool Ring::Check() {
  Control& control = *control_;
  if (control.magic != kMagic || control.capacity + kPage != mapped_ ||
      control.tail > control.head || control.head - control.tail > control.capacity) {
    return false;
  }
  // The numbers are those of the entries: a process killed between two moves leaves them one off.
  std::uint64_t next = 0;
  for (std::uint64_t offset = control.tail; offset < control.head;) {
    offset = SkipGap(offset);
    const std::size_t left = control.capacity - offset % control.capacity;
    if (offset >= control.head || offset % 8 != 0 || left < sizeof(Entry)) return false;
    const Entry& entry = *EntryAt(offset);
    if (entry.size % 8 != 0 || entry.size > left || entry.size > control.head - offset ||
        entry.Needed() > entry.size || (next != 0 && entry.seq != next)) {
      return false;
    }
    if (next == 0) control.tail_seq = entry.seq;
    next = entry.seq + 1;
    offset += entry.size;
  }
  if (next == 0) {
    control.tail_seq = control.last_seq + 1;
  } else {
    control.last_seq = next - 1;
  }
  return true;
}

char* Ring::At(std::uint64_t offset) const { return data_ + offset % control_->capacity; }

const Ring::Entry* Ring::EntryAt(std::uint64_t offset) const {
  return reinterpret_cast<const Entry*>(At(offset));
}

std::uint64_t Ring::SkipGap(std::uint64_t offset) const {
  const std::uint64_t left = control_->capacity - offset % control_->capacity;
  std::uint32_t size = 0;
  if (left >= sizeof(Entry)) std::memcpy(&size, At(offset), sizeof size);
  return size == 0 ? offset + left : offset;
}

std::uint64_t Ring::Append(const Record& record) {
  Control& control = *control_;
  Entry entry{};
  entry.pid = record.pid;
  entry.seq = control.last_seq + 1;
  entry.realtime_us = record.realtime_us;
  entry.monotonic_us = record.monotonic_us;
  entry.source = static_cast<std::uint8_t>(record.source);
  entry.priority = record.priority;
  entry.unit_size = static_cast<std::uint8_t>(std::min(record.unit.size(), kMaxName));
  entry.identifier_size = static_cast<std::uint8_t>(std::min(record.identifier.size(), kMaxName));
  entry.message_size = static_cast<std::uint16_t>(std::min(record.message.size(), kMaxMessage));
  entry.fields_size = static_cast<std::uint16_t>(std::min(record.fields.size(), kMaxFields));
  entry.size = static_cast<std::uint32_t>((entry.Needed() + 7) & ~std::size_t{7});

  const std::uint64_t left = control.capacity - control.head % control.capacity;
  const std::uint64_t begin = left < entry.size ? control.head + left : control.head;
  const std::uint64_t end = begin + entry.size;
  while (end - control.tail > control.capacity) {
    const std::uint64_t at = SkipGap(control.tail);
    control.tail = at + EntryAt(at)->size;
    ++control.tail_seq;
    Publish();
  }
  if (begin != control.head && left >= sizeof(Entry::size)) {
    std::memset(At(control.head), 0, sizeof entry.size);
  }
  char* to = At(begin);
  std::memcpy(to, &entry, sizeof entry);
  to += sizeof entry;
  const auto put = [&to](std::string_view text, std::size_t size) {
    to = std::copy_n(text.data(), size, to);
  };
  put(record.unit, entry.unit_size);
  put(record.identifier, entry.identifier_size);
  put(record.message, entry.message_size);
  put(record.fields, entry.fields_size);
  Publish();
  control.head = end;
  control.last_seq = entry.seq;
  return entry.seq;
}

Ring::Cursor Ring::Oldest() const { return {control_->tail, control_->tail_seq}; }

Ring::Cursor Ring::After(std::uint64_t seq) const {
  Cursor cursor = Oldest();
  if (seq > control_->last_seq) return cursor;
  while (cursor.seq <= seq && cursor.offset < control_->head) {
    cursor.offset = SkipGap(cursor.offset);
    cursor.offset += EntryAt(cursor.offset)->size;
    ++cursor.seq;
  }
  return cursor;
}

bool Ring::Next(Cursor& cursor, Record& record, std::uint64_t& lost) const {
  lost = 0;
  if (cursor.offset < control_->tail) {
    lost = control_->tail_seq - cursor.seq;
    cursor = Oldest();
  }
  if (cursor.offset >= control_->head) return false;
  cursor.offset = SkipGap(cursor.offset);
  const Entry& entry = *EntryAt(cursor.offset);
  record.seq = entry.seq;
  record.realtime_us = entry.realtime_us;
  record.monotonic_us = entry.monotonic_us;
  record.pid = entry.pid;
  record.priority = entry.priority;
  record.source = static_cast<Source>(entry.source);
  const char* at = At(cursor.offset) + sizeof entry;
  const auto take = [&at](std::size_t size) {
    const std::string_view text(at, size);
    at += size;
    return text;
  };
  record.unit = take(entry.unit_size);
  record.identifier = take(entry.identifier_size);
  record.message = take(entry.message_size);
  record.fields = take(entry.fields_size);
  cursor.offset += entry.size;
  cursor.seq = entry.seq + 1;
  return true;
}

std::uint64_t Ring::last_seq() const { return control_->last_seq; }
std::uint64_t Ring::kept() const { return control_->last_seq + 1 - control_->tail_seq; }
std::size_t Ring::capacity() const { return control_->capacity; }
std::uint64_t Ring::kernel_next() const { return control_->kernel_next; }
void Ring::set_kernel_next(std::uint64_t number) { control_->kernel_next = number; }

}  // namespace inro::guest::logs
