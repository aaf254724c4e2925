// Reads what a guest sends on its log port.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "vmm/host/log_entry.h"

namespace inro::boot_test {

class LogReader {
 public:
  explicit LogReader(UniqueFd socket) : socket_(std::move(socket)) {}

  // Reads lines until `enough` says so (true), the stream ends, or the time is over.
  bool ReadUntil(const std::function<bool(const vmm::LogEntry&)>& enough,
                 std::chrono::milliseconds limit);
  bool ReadUntilMessage(std::string_view message,
                        std::chrono::milliseconds limit = std::chrono::milliseconds(60'000)) {
    return ReadUntil([&](const vmm::LogEntry& entry) { return entry.message == message; }, limit);
  }
  void ReadToTheEnd(std::chrono::milliseconds limit) {
    ReadUntil([](const vmm::LogEntry&) { return false; }, limit);
  }
  // nullptr when it was not read.
  const vmm::LogEntry* Find(std::string_view message) const;

  std::vector<vmm::LogEntry> entries;
  bool ended = false;

 private:
  UniqueFd socket_;
  std::string bytes_;
  std::size_t next_ = 0;
};

}  // namespace inro::boot_test
