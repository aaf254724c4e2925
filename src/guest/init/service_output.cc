#include "guest/init/service_output.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace inro::guest {
namespace {

// A console that cannot take it goes without.
void ShowOnConsole(const std::string& identifier, std::string_view text) {
  const UniqueFd console(::open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  const std::string line = fmt::format("{}: {}\r\n", identifier, text);
  if (console) static_cast<void>(::write(console.get(), line.data(), line.size()) > 0);
}

}  // namespace

Result<int> ServiceOutput::WriterFor(const std::string& unit, Style style) {
  for (const auto& [fd, stream] : streams_) {
    if (stream->unit != unit) continue;
    stream->style = std::move(style);
    return stream->writer.get();
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("make a pipe for the output of {}", unit);
  auto stream = std::make_unique<Stream>();
  stream->unit = unit;
  stream->style = std::move(style);
  stream->reader.reset(ends[0]);
  stream->writer.reset(ends[1]);
  // Only this end: the service's own writes stay blocking.
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = ends[0];
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, ends[0], &event) != 0) {
    return FailErrno("watch the output of {}", unit);
  }
  streams_[ends[0]] = std::move(stream);
  return ends[1];
}

bool ServiceOutput::ReadOnce(Stream& stream, Time now) {
  char buffer[kBytesPerRead];
  const ssize_t size = ::read(stream.reader.get(), buffer, sizeof buffer);
  if (size <= 0) return false;
  Take(stream, {buffer, static_cast<std::size_t>(size)}, now);
  return static_cast<std::size_t>(size) == sizeof buffer;
}

bool ServiceOutput::OnReadable(int fd, Time now) {
  const auto found = streams_.find(fd);
  if (found == streams_.end()) return false;
  Stream& stream = *found->second;
  if (ReadOnce(stream, now)) {
    stream.rest_until = now + kRest;
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  }
  return true;
}

void ServiceOutput::OnTime(Time now) {
  for (auto& [fd, stream] : streams_) {
    if (stream->rest_until == kNever || now < stream->rest_until) continue;
    stream->rest_until = kNever;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) stream->rest_until = now + kRest;
  }
}

Time ServiceOutput::NextDeadline() const {
  Time next = kNever;
  for (const auto& [fd, stream] : streams_) next = std::min(next, stream->rest_until);
  return next;
}

void ServiceOutput::Forget(const std::string& unit) {
  for (auto entry = streams_.begin(); entry != streams_.end(); ++entry) {
    Stream& stream = *entry->second;
    if (stream.unit != unit) continue;
    // At most what a pipe holds; a process that still writes must not keep this here.
    for (int i = 0; i < 8 && ReadOnce(stream, stream.interval_begin); ++i) {
    }
    if (!stream.line.empty()) Emit(stream, stream.interval_begin);
    if (stream.dropped > 0) {
      log_.Warning("{}: {} lines of output dropped", stream.unit, stream.dropped);
    }
    streams_.erase(entry);  // closes, which ends the watch
    return;
  }
}

void ServiceOutput::Take(Stream& stream, std::string_view bytes, Time now) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    // The rest of an overlong line becomes lines of its own.
    const std::size_t room = kMaxLine - stream.line.size();
    stream.line += part.substr(0, room);
    if (part.size() > room) {
      Emit(stream, now);
      bytes.remove_prefix(room);
      continue;
    }
    if (end == std::string_view::npos) return;
    Emit(stream, now);
    bytes.remove_prefix(end + 1);
  }
}

void ServiceOutput::Emit(Stream& stream, Time now) {
  if (now - stream.interval_begin >= kInterval) {
    if (stream.dropped > 0) {
      log_.Warning("{}: {} lines of output dropped", stream.unit, stream.dropped);
    }
    stream.interval_begin = now;
    stream.lines = 0;
    stream.dropped = 0;
  }
  int level = stream.style.level;
  std::string_view text = stream.line;
  const bool prefixed =
      text.size() >= 3 && text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>';
  if (stream.style.level_prefix && prefixed) {
    level = text[1] - '0';
    text.remove_prefix(3);
  }
  if (level > stream.style.most_level) {
    // Not wanted: neither a line nor a dropped one.
  } else if (stream.lines < kLinesPerInterval) {
    ++stream.lines;
    log_.WriteAs(static_cast<LogLevel>(level), stream.style.identifier, text);
    if (stream.style.console) ShowOnConsole(stream.style.identifier, text);
  } else {
    ++stream.dropped;
  }
  stream.line.clear();
}

}  // namespace inro::guest
