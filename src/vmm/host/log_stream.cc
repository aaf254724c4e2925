#include "vmm/host/log_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <thread>
#include <utility>

#include "protocol/control_message.h"
#include "protocol/log_message.h"
#include "vmm/host/log_entry.h"
#include "wire/client.h"

namespace inro::vmm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kSlice{200};  // between two looks at stop()
constexpr std::uint32_t kLongCallMs = 2000;
constexpr milliseconds kCallLimit{15'000};
constexpr std::size_t kMaxSeen = 65'536;
constexpr milliseconds kQuiet{500};  // a stream that is not followed ends after such a silence

}  // namespace

bool LogStream::Wait(milliseconds time) const {
  const auto until = Clock::now() + time;
  while (Clock::now() < until) {
    if (Stopped()) return false;
    std::this_thread::sleep_for(std::min<Clock::duration>(kSlice, until - Clock::now()));
  }
  return !Stopped();
}

void LogStream::Give(std::string_view line, const Take& take, const Note& note) {
  if (line.empty()) return;
  const LogEntry entry = ParseLogEntry(line);
  // Of a record about lost ones, the number is that of the last of them.
  const bool loss = entry.source == "logs" && entry.lost > 0 && entry.seq > last_seq_;
  if (entry.seq != 0 && !loss) {
    const std::size_t hash = std::hash<std::string_view>()(line);
    if (entry.seq <= last_seq_) {
      const auto seen = seen_.find(entry.seq);
      if (seen == seen_.end() || seen->second == hash) return;  // it is here already
      note("the guest's log begins anew: the guest or its collector was started again");
      seen_.clear();
    } else if (last_seq_ != 0 && entry.seq > last_seq_ + 1) {
      note(fmt::format("{} records are missing", entry.seq - last_seq_ - 1));
    }
    seen_[entry.seq] = hash;
    if (seen_.size() > kMaxSeen) seen_.erase(seen_.begin());
  }
  if (entry.seq != 0) last_seq_ = entry.seq;
  take(line);
}

LogStream::Outcome LogStream::RunControl(const Take& take, const Note& note) {
  auto socket = dial_(protocol::kControlPort, options_.connect_timeout);
  if (!socket) return {End::kNoService, socket.error().ToString()};
  wire::Client client(std::move(*socket));
  while (!Stopped()) {
    const protocol::LogReadRequest request{.after_seq = last_seq_,
                                           .wait_ms = options_.follow ? kLongCallMs : 0};
    const auto answer =
        client.Call(protocol::kLogService, "Read", protocol::Encode(request), kCallLimit);
    if (!answer) {
      return {control_answered_ ? End::kBroken : End::kNoService, answer.error().ToString()};
    }
    if (answer->status.code == wire::Code::kUnimplemented) {
      return {End::kNoService, "its control port does not give out the log"};
    }
    if (answer->status.code != wire::Code::kOk) return {End::kBroken, answer->status.message};
    protocol::LogReadResponse response;
    if (!protocol::Decode(answer->payload, response)) return {End::kBroken, "a malformed answer"};
    answered_ = control_answered_ = true;
    for (const std::string& line : response.lines) Give(line, take, note);
    if (!options_.follow) {
      if (response.lines.empty()) return {End::kDone, ""};
    } else if (response.host_port != 0) {
      // What the long calls cannot give: the lines of the guest's last moments.
      const Outcome raw = RunRaw(response.host_port, take, note);
      if (raw.end != End::kNoService) return raw;
    }
  }
  return {End::kDone, ""};
}

LogStream::Outcome LogStream::RunRaw(std::uint32_t port, const Take& take, const Note& note) {
  auto socket = dial_(port, options_.connect_timeout);
  if (!socket) return {End::kNoService, socket.error().ToString()};
  std::string bytes;
  char buffer[32 << 10];
  auto last = Clock::now();
  while (!Stopped()) {
    pollfd waiting{.fd = socket->get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(kSlice.count()));
    if (ready < 0 && errno != EINTR) return {End::kBroken, "cannot wait for the log"};
    if (ready <= 0) {
      if (!options_.follow && Clock::now() - last > kQuiet) return {End::kDone, ""};
      continue;
    }
    const ssize_t size = ::recv(socket->get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      Give(bytes, take, note);
      return {End::kBroken, "the guest ended the stream"};
    }
    last = Clock::now();
    answered_ = true;
    bytes.append(buffer, static_cast<std::size_t>(size));
    std::size_t begin = 0;
    for (std::size_t end; (end = bytes.find('\n', begin)) != std::string::npos; begin = end + 1) {
      Give(std::string_view(bytes).substr(begin, end - begin), take, note);
    }
    bytes.erase(0, begin);
    if (bytes.size() > protocol::kLogLineLimit) return {End::kBroken, "a line has no end"};
  }
  return {End::kDone, ""};
}

Result<> LogStream::Run(const Take& take, const Note& note) {
  const auto begin = Clock::now();
  bool lost = false;
  while (!Stopped()) {
    const bool before = std::exchange(answered_, false);
    Outcome outcome = RunControl(take, note);
    // Not where control told of no port: there port 1025 is a Kata agent's, for one reader only.
    if (outcome.end == End::kNoService && !control_answered_) {
      const Outcome raw = RunRaw(kKataLogPort, take, note);
      if (raw.end != End::kNoService) outcome = raw;
    }
    const bool now = answered_;
    answered_ = answered_ || before;
    if (outcome.end == End::kDone) return {};
    if (options_.exists && !options_.exists()) {
      if (answered_) return {};
      return FailAs(ErrorKind::kClosed, "the guest is gone: {}", outcome.why);
    }
    if (!options_.follow || (!answered_ && Clock::now() - begin > options_.patience)) {
      return FailAs(ErrorKind::kClosed, "cannot read the guest's log: {}", outcome.why);
    }
    if (now || !lost) note(fmt::format("no connection to the guest's log: {}", outcome.why));
    lost = true;
    if (!Wait(options_.retry_every)) return {};
  }
  return {};
}

}  // namespace inro::vmm
