// Which of the spans that can be made again the host has: so that the role, when it is started
// again after a crash, does not send them twice. Ids of 8 bytes in a file below /run.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace inro::guest::trace {

class SentRecord {
 public:
  // Beyond it nothing is recorded: a span more may then come twice.
  static constexpr std::size_t kMostIds = 8192;

  // Reads what a former process has recorded.
  explicit SentRecord(std::string path);

  bool Has(std::string_view span_id) const { return ids_.contains(span_id); }
  void Add(const std::string& span_ids);  // 8 bytes each

 private:
  const std::string path_;
  std::set<std::string, std::less<>> ids_;  // of the former process
  std::size_t count_ = 0;
};

}  // namespace inro::guest::trace
