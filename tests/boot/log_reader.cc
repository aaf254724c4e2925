#include "log_reader.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

namespace inro::boot_test {

using vmm::LogEntry;

bool LogReader::ReadUntil(const std::function<bool(const LogEntry&)>& enough,
                          std::chrono::milliseconds limit) {
  using std::chrono::milliseconds;
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + limit;
  while (true) {
    for (; next_ < entries.size(); ++next_) {
      if (enough(entries[next_])) {
        ++next_;
        return true;
      }
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return false;
    char buffer[32 << 10];
    const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (size <= 0) {
      ended = true;
      return false;
    }
    bytes_.append(buffer, static_cast<std::size_t>(size));
    std::size_t begin = 0;
    for (std::size_t end; (end = bytes_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      entries.push_back(vmm::ParseLogEntry(std::string_view(bytes_).substr(begin, end - begin)));
    }
    bytes_.erase(0, begin);
  }
}

const LogEntry* LogReader::Find(std::string_view message) const {
  const auto found = std::ranges::find(entries, message, &LogEntry::message);
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace inro::boot_test
