#include "guest/logs/syslog_forwarder.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace inro::guest::logs {
namespace {

constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr unsigned kDaemon = 3;

}  // namespace

std::string SyslogDatagram(const Record& record) {
  if (!record.line.empty()) return std::string(record.line);
  const auto seconds = static_cast<time_t>(record.realtime_us / 1'000'000);
  tm at{};
  ::localtime_r(&seconds, &at);
  std::string text = fmt::format(
      "<{}>{} {:2} {:02}:{:02}:{:02} ", kDaemon << 3 | (record.priority & 7U),
      kMonths[std::clamp(at.tm_mon, 0, 11)], at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
  // A tag is what makes the rest a message.
  const std::string_view tag = record.identifier.empty() ? "unknown" : record.identifier;
  if (record.pid != 0) {
    text += fmt::format("{}[{}]: ", tag, record.pid);
  } else {
    text += fmt::format("{}: ", tag);
  }
  text += record.message;
  return text;
}

SyslogForwarder::SyslogForwarder(std::string path) : path_(std::move(path)) {
  if (path_.size() >= sizeof(sockaddr_un::sun_path)) path_.clear();
  if (path_.empty()) return;
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void SyslogForwarder::Forward(const Record& record) {
  if (!socket_) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path_.data(), path_.size());
  const std::string text = SyslogDatagram(record);
  if (::sendto(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0) {
    return;
  }
  // Nobody listens, or not any more: not a loss of this log's.
  if (errno != ENOENT && errno != ECONNREFUSED) ++lost_;
}

std::uint64_t SyslogForwarder::TakeLost() { return std::exchange(lost_, 0); }

}  // namespace inro::guest::logs
