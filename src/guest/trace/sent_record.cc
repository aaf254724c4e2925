#include "guest/trace/sent_record.h"

#include <fcntl.h>

#include "protocol/trace_context.h"
#include "sys/file.h"

namespace inro::guest::trace {
namespace {

constexpr std::size_t kIdSize = protocol::kSpanIdSize;

}  // namespace

SentRecord::SentRecord(std::string path) : path_(std::move(path)) {
  const auto bytes = sys::ReadFile(path_, kMostIds * kIdSize);
  if (!bytes) return;
  for (std::size_t at = 0; at + kIdSize <= bytes->size(); at += kIdSize) {
    ids_.insert(bytes->substr(at, kIdSize));
  }
  count_ = bytes->size() / kIdSize;
}

void SentRecord::Add(const std::string& span_ids) {
  count_ += span_ids.size() / kIdSize;
  if (span_ids.empty() || count_ > kMostIds) return;
  const auto file = sys::Open(path_, O_WRONLY | O_APPEND | O_CREAT, 0600);
  // A full /run costs at most a span sent twice.
  if (file) (void)sys::WriteAll(file->get(), span_ids, path_);
}

}  // namespace inro::guest::trace
