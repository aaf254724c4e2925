#include "guest/logs/readers.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <vector>

#include "guest/logs/field_list.h"
#include "guest/logs/intake.h"
#include "guest/logs/record_json.h"

namespace inro::guest::logs {
namespace {

constexpr int kWritesInARow = 8;  // then others have their turn
constexpr std::string_view kRequest = "AFTER ";

bool ParseRequest(std::string_view line, std::uint64_t& after) {
  if (!line.starts_with(kRequest)) return false;
  line.remove_prefix(kRequest.size());
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), after);
  return error == std::errc() && end == line.data() + line.size();
}

void AppendLoss(std::uint64_t lost, std::uint64_t next_seq, std::string& out) {
  const Stamp now = Stamp::Now();
  std::string fields;
  const std::string count = std::to_string(lost);
  AppendField({.name = "lost", .value = count, .raw = true}, fields);
  const std::string text = fmt::format("{} records lost: this reader was too slow", lost);
  AppendJsonRecord({.seq = next_seq - 1,
                    .realtime_us = now.realtime_us,
                    .monotonic_us = now.monotonic_us,
                    .priority = kPriorityWarning,
                    .source = Source::kLogs,
                    .identifier = "inro-logs",
                    .message = text,
                    .fields = fields},
                   out);
}

}  // namespace

struct Readers::Reader {
  std::uint64_t id = 0;
  UniqueFd socket;
  wire::Loop::Token watch = 0;
  Ring::Cursor cursor;
  std::string out;
  std::size_t written = 0;  // of `out`
  std::string request;
  std::uint32_t events = 0;
  bool local = false;
  bool told_end = false;  // of a local one: it knows that it has all there is
  bool asking = false;
  bool half_closed = false;  // the other end writes no more
  bool full = false;
  bool ended = false;  // this end writes no more
};

Readers::Readers(wire::Loop& loop, const Ring& ring) : loop_(loop), ring_(ring) {}

Readers::~Readers() {
  for (const auto& [id, reader] : readers_) loop_.Unwatch(reader->watch);
}

bool Readers::Add(UniqueFd socket, Kind kind) {
  if (readers_.size() >= kMaxReaders) {
    const auto idle =
        std::ranges::find_if(readers_, [](const auto& entry) { return entry.second->half_closed; });
    if (idle == readers_.end()) return false;
    Remove(idle->first);
  }
  auto reader = std::make_unique<Reader>();
  const std::uint64_t id = next_id_++;
  reader->id = id;
  reader->socket = std::move(socket);
  reader->local = reader->asking = kind == Kind::kLocal;
  reader->cursor = ring_.Oldest();
  reader->events = EPOLLIN;
  reader->watch = loop_.Watch(reader->socket.get(), EPOLLIN,
                              [this, id](std::uint32_t events) { Ready(id, events); });
  if (reader->watch == 0) return false;
  Reader& added = *reader;
  readers_[id] = std::move(reader);
  if (!added.asking && !Write(added)) Remove(id);
  return true;
}

void Readers::Arm(Reader& reader, bool want_write) {
  const std::uint32_t events =
      (reader.half_closed ? 0u : std::uint32_t{EPOLLIN}) | (want_write ? EPOLLOUT : 0u);
  if (events == reader.events) return;
  reader.events = events;
  loop_.Change(reader.watch, events);
}

void Readers::Ready(std::uint64_t id, std::uint32_t events) {
  const auto found = readers_.find(id);
  if (found == readers_.end()) return;
  Reader& reader = *found->second;
  bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0;
  if (alive && (events & EPOLLIN) != 0) alive = TakeInput(reader);
  if (alive && (events & EPOLLOUT) != 0) reader.full = false;
  if (alive && !reader.asking && !reader.full) alive = Write(reader);
  if (!alive) Remove(id);
  CheckDone();
}

bool Readers::TakeInput(Reader& reader) {
  char buffer[256];
  const ssize_t size = ::recv(reader.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) {
    // It may still read. At the end of the collector, this is the answer that all has arrived.
    if (reader.ended || reader.asking) return false;
    reader.half_closed = true;
    Arm(reader, (reader.events & EPOLLOUT) != 0);
    return true;
  }
  if (!reader.asking) return true;  // what a reader says besides means nothing
  reader.request.append(buffer, static_cast<std::size_t>(size));
  const std::size_t end = reader.request.find('\n');
  if (end == std::string::npos) return reader.request.size() < 64;
  std::uint64_t after = 0;
  if (!ParseRequest(std::string_view(reader.request).substr(0, end), after)) return false;
  reader.asking = false;
  reader.cursor = ring_.After(after);
  return true;
}

void Readers::Fill(Reader& reader) {
  reader.out.clear();
  reader.written = 0;
  Record record;
  std::uint64_t lost = 0;
  bool more = true;
  while (reader.out.size() < kBuffer && (more = ring_.Next(reader.cursor, record, lost))) {
    reader.told_end = false;
    if (lost > 0) {
      lost_ += lost;
      AppendLoss(lost, record.seq, reader.out);
    }
    AppendJsonRecord(record, reader.out);
  }
  if (reader.local && !more && !reader.told_end) {
    reader.out += '\n';
    reader.told_end = true;
  }
}

bool Readers::Write(Reader& reader) {
  for (int turn = 0; turn < kWritesInARow; ++turn) {
    if (reader.written == reader.out.size()) Fill(reader);
    if (reader.out.empty()) {
      reader.out = std::string();  // a waiting reader costs no buffer
      Arm(reader, false);
      if (finishing_ && !reader.ended) {
        reader.ended = true;
        ::shutdown(reader.socket.get(), SHUT_WR);
        return !reader.half_closed;
      }
      return true;
    }
    const ssize_t size = ::send(reader.socket.get(), reader.out.data() + reader.written,
                                reader.out.size() - reader.written, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) return false;
    if (size < 0) {
      reader.full = true;
      Arm(reader, true);
      return true;
    }
    reader.written += static_cast<std::size_t>(size);
  }
  Arm(reader, true);
  return true;
}

void Readers::Pump() {
  std::vector<std::uint64_t> gone;
  for (const auto& [id, reader] : readers_) {
    if (reader->asking || reader->full || (reader->events & EPOLLOUT) != 0) continue;
    if (!Write(*reader)) gone.push_back(id);
  }
  for (const std::uint64_t id : gone) Remove(id);
  if (!gone.empty()) CheckDone();
}

void Readers::Finish(std::function<void()> done) {
  finishing_ = true;
  done_ = std::move(done);
  std::vector<std::uint64_t> asking;
  for (const auto& [id, reader] : readers_) {
    if (reader->asking) asking.push_back(id);
  }
  for (const std::uint64_t id : asking) Remove(id);
  Pump();
  CheckDone();
}

void Readers::Remove(std::uint64_t id) {
  const auto found = readers_.find(id);
  if (found == readers_.end()) return;
  loop_.Unwatch(found->second->watch);
  readers_.erase(found);
}

void Readers::CheckDone() {
  if (!finishing_ || !readers_.empty() || !done_) return;
  const auto done = std::move(done_);
  done_ = nullptr;
  done();
}

}  // namespace inro::guest::logs
