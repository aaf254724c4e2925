#include "vmm/guest/guest_record.h"

#include <algorithm>
#include <charconv>
#include <type_traits>

#include "sys/file.h"

namespace inro::vmm {
namespace {

constexpr std::size_t kLargestRecord = 16 * 1024;

// Calls `visit` with each key and the member that holds its value.
template <class Record, class Visit>
void Fields(Record& record, Visit&& visit) {
  visit("name", record.name);
  visit("artifact", record.artifact);
  visit("form", record.form);
  visit("init", record.init);
  visit("memory-mib", record.memory_mib);
  visit("cpus", record.cpus);
  visit("vsock", record.vsock);
  visit("cid", record.cid);
  visit("owner-pid", record.owner_pid);
  visit("supervisor-pid", record.supervisor_pid);
  visit("qemu-pid", record.qemu_pid);
  visit("started-ns", record.started);
  visit("started-at", record.started_at);
  visit("ready-ms", record.ready_ms);
  visit("ended-at", record.ended_at);
  visit("end", record.end);
}

struct Writer {
  std::string& text;
  void operator()(std::string_view key, const std::string& value) {
    std::string line = value;
    std::ranges::replace(line, '\n', ' ');
    text += fmt::format("{} {}\n", key, line);
  }
  void operator()(std::string_view key, VsockMode value) {
    text += fmt::format("{} {}\n", key, Word(value));
  }
  void operator()(std::string_view key, std::chrono::nanoseconds value) {
    text += fmt::format("{} {}\n", key, value.count());
  }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(std::string_view key, Number value) {
    text += fmt::format("{} {}\n", key, value);
  }
};

// Takes the value of one line into the member whose key it has.
struct Reader {
  std::string_view key;
  std::string_view value;
  bool good = true;

  template <class Number>
  bool TakeNumber(Number& number) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return error == std::errc() && end == value.data() + value.size();
  }
  void Take(std::string& member) { member = value; }
  void Take(VsockMode& member) {
    const auto mode = ParseVsockMode(value);
    good = mode.has_value();
    if (good) member = *mode;
  }
  void Take(std::chrono::nanoseconds& member) {
    std::int64_t count = 0;
    good = TakeNumber(count);
    member = std::chrono::nanoseconds(count);
  }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void Take(Number& member) {
    good = TakeNumber(member);
  }
  template <class Member>
  void operator()(std::string_view name, Member& member) {
    if (name == key) Take(member);
  }
};

}  // namespace

std::string Encode(const GuestRecord& record) {
  std::string text;
  Fields(record, Writer{text});
  return text;
}

Result<GuestRecord> ParseGuestRecord(std::string_view text) {
  GuestRecord record;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t space = std::min(line.find(' '), line.size());
    Reader reader{line.substr(0, space), line.substr(std::min(space + 1, line.size()))};
    Fields(record, reader);
    if (!reader.good) {
      return FailAs(ErrorKind::kBadInput, "a guest's record has \"{}\"", line.substr(0, 100));
    }
  }
  return record;
}

Result<> WriteGuestRecord(const RunPaths& paths, const GuestRecord& record) {
  return sys::WriteFileAtomically(paths.record(), Encode(record), 0600);
}

Result<GuestRecord> ReadGuestRecord(const RunPaths& paths) {
  INRO_ASSIGN(const std::string text, sys::ReadFile(paths.record(), kLargestRecord));
  return ParseGuestRecord(text);
}

}  // namespace inro::vmm
