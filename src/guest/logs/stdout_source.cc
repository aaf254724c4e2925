#include "guest/logs/stdout_source.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "guest/logs/fd_store.h"

namespace inro::guest::logs {
namespace {

constexpr std::size_t kRead = 16 << 10;
constexpr int kReadsInARow = 4;
constexpr std::string_view kNamePrefix = "stdout-";

// "stdout-ID-PRIORITY-PREFIX-IDENTIFIER UNIT": what the next collector has to know of the header.
// Identifiers with blanks or colons, which have no place in a name, get dots there.
std::string NameOf(std::uint64_t id, const StdoutStream::Header& header) {
  std::string name = fmt::format("{}{}-{}-{}-{} {}", kNamePrefix, id, header.priority,
                                 header.level_prefix ? 1 : 0, header.identifier, header.unit);
  const std::size_t unit = name.size() - header.unit.size();
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool separator = i + 1 == unit;
    const auto byte = static_cast<unsigned char>(name[i]);
    if (!separator && (byte <= ' ' || byte >= 0x7f || byte == ':')) name[i] = '.';
  }
  return name.substr(0, 255);
}

bool ParseName(std::string_view name, StdoutStream::Header& header) {
  if (!name.starts_with(kNamePrefix)) return false;
  name.remove_prefix(kNamePrefix.size());
  std::uint64_t numbers[3];
  for (std::uint64_t& number : numbers) {
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc()) return false;
    name.remove_prefix(static_cast<std::size_t>(end - name.data()));
    if (!name.starts_with('-')) return false;
    name.remove_prefix(1);
  }
  const std::size_t blank = name.find(' ');
  if (blank == std::string_view::npos) return false;
  header.priority = static_cast<std::uint8_t>(numbers[1] & 7);
  header.level_prefix = numbers[2] != 0;
  header.identifier = name.substr(0, blank);
  header.unit = name.substr(blank + 1);
  return true;
}

}  // namespace

struct StdoutSource::Stream {
  std::uint64_t id = 0;
  UniqueFd socket;
  wire::Loop::Token watch = 0;
  StdoutStream lines;
  pid_t pid = 0;         // who wrote last
  bool trusted = false;  // the unit in the header is the init's word
  std::string kept_as;   // the name by which the init has it; empty: it does not
};

StdoutSource::StdoutSource(wire::Loop& loop, Intake& intake, ProcessUnits& units)
    : loop_(loop), intake_(intake), units_(units), buffer_(new char[kRead]) {}

StdoutSource::~StdoutSource() {
  for (const auto& [id, stream] : streams_) loop_.Unwatch(stream->watch);
}

void StdoutSource::Add(UniqueFd socket) {
  auto stream = std::make_unique<Stream>();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
    stream->pid = peer.pid;
    stream->trusted = peer.uid == 0;
  }
  stream->socket = std::move(socket);
  Start(std::move(stream));
}

bool StdoutSource::AddKept(UniqueFd socket, std::string_view name) {
  StdoutStream::Header header;
  if (!ParseName(name, header)) return false;
  auto stream = std::make_unique<Stream>();
  stream->socket = std::move(socket);
  stream->trusted = true;  // it was when the name was made, else the unit is empty
  stream->lines = StdoutStream(std::move(header));
  stream->kept_as = name;
  Start(std::move(stream));
  return true;
}

void StdoutSource::Start(std::unique_ptr<Stream> stream) {
  if (streams_.size() >= kMaxStreams) {
    if (turned_away_++ == 0) {
      intake_.Say(
          kPriorityWarning,
          fmt::format("over {} outputs of services at once: further ones are closed", kMaxStreams));
    }
    return;
  }
  const int on = 1;
  ::setsockopt(stream->socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  ::shutdown(stream->socket.get(), SHUT_WR);  // nothing is ever said to the service
  const std::uint64_t id = next_id_++;
  stream->id = id;
  stream->watch = loop_.Watch(stream->socket.get(), EPOLLIN, [this, id](std::uint32_t) {
    const auto found = streams_.find(id);
    if (found != streams_.end() && !ReadSome(*found->second, kReadsInARow)) Remove(id);
  });
  if (stream->watch == 0) return;
  streams_[id] = std::move(stream);
}

bool StdoutSource::ReadSome(Stream& stream, int times) {
  bool more = true;
  for (int i = 0; i < times && more; ++i) {
    if (!ReadOnce(stream, more)) return false;
  }
  return true;
}

bool StdoutSource::ReadOnce(Stream& stream, bool& more) {
  iovec part{buffer_.get(), kRead};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(stream.socket.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  more = size > 0;
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  const auto line = [&](std::string_view text, std::uint8_t priority) {
    Say(stream, text, priority);
  };
  if (size == 0) {
    stream.lines.Flush(line);
    return false;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET &&
      header->cmsg_type == SCM_CREDENTIALS) {
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
    if (sender.pid != stream.pid) {
      if (stream.lines.started()) stream.lines.Flush(line);
      stream.pid = sender.pid;
    }
  }
  const bool started = stream.lines.started();
  if (!stream.lines.Take({buffer_.get(), static_cast<std::size_t>(size)}, line)) return false;
  if (!started && stream.lines.started()) Keep(stream);
  return true;
}

void StdoutSource::Keep(Stream& stream) {
  StdoutStream::Header header = stream.lines.header();
  if (!stream.trusted) header.unit.clear();
  std::string name = NameOf(static_cast<std::uint64_t>(Stamp::Now().monotonic_us), header);
  if (StoreDescriptor(stream.socket.get(), name)) stream.kept_as = std::move(name);
}

void StdoutSource::Remove(std::uint64_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = *found->second;
  loop_.Unwatch(stream.watch);
  // An init that watches what it keeps has noticed itself; another one is told.
  if (!stream.kept_as.empty()) (void)ForgetDescriptor(stream.kept_as);
  streams_.erase(found);
}

void StdoutSource::Say(const Stream& stream, std::string_view text, std::uint8_t priority) {
  const Stamp now = Stamp::Now();
  const StdoutStream::Header& header = stream.lines.header();
  const bool own_word = stream.trusted && !header.unit.empty();
  intake_.Take(
      {.realtime_us = now.realtime_us,
       .monotonic_us = now.monotonic_us,
       .pid = static_cast<std::uint32_t>(stream.pid),
       .priority = priority,
       .source = Source::kStdout,
       .unit = own_word ? std::string_view(header.unit) : units_.Find(stream.pid, now.monotonic_us),
       .identifier = header.identifier,
       .message = text});
}

void StdoutSource::Drain() {
  std::vector<std::uint64_t> over;
  for (const auto& [id, stream] : streams_) {
    if (!ReadSome(*stream, kReadsInARow)) over.push_back(id);
  }
  for (const std::uint64_t id : over) Remove(id);
}

}  // namespace inro::guest::logs
