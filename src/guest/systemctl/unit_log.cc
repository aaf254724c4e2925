#include "guest/systemctl/unit_log.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <deque>
#include <iterator>

#include "base/json_reader.h"
#include "base/unique_fd.h"
#include "protocol/log_message.h"
#include "sys/file.h"
#include "sys/subprocess.h"
#include "wire/address.h"

namespace inro::guest::systemctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kConnectLimit{1000};
constexpr milliseconds kReadLimit{5000};
constexpr std::chrono::seconds kJournalLimit{30};

// Gives each line to `take`, up to the empty one that says: this is all.
template <class Take>
Result<> ReadLines(const std::string& socket, Take take) {
  INRO_ASSIGN(const UniqueFd fd,
              wire::Connect({.kind = wire::Address::Kind::kUnix, .path = socket}, kConnectLimit));
  INRO_TRY(sys::WriteAll(fd.get(), "AFTER 0\n", socket));
  const auto until = Clock::now() + kReadLimit;
  std::string bytes;
  char buffer[16 << 10];
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    pollfd waiting{.fd = fd.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return FailAs(ErrorKind::kTimeout, "the log's collector does not answer");
    const ssize_t size = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return FailAs(ErrorKind::kClosed, "the log's collector hung up");
    bytes.append(buffer, static_cast<std::size_t>(size));
    std::size_t begin = 0;
    for (std::size_t end; (end = bytes.find('\n', begin)) != bytes.npos; begin = end + 1) {
      if (end == begin) return {};
      take(std::string_view(bytes).substr(begin, end - begin));
    }
    bytes.erase(0, begin);
    if (bytes.size() > protocol::kLogLineLimit) return Fail("a line of the log has no end");
  }
}

// False when the record is of another unit, or of before.
bool ParseLine(std::string_view text, std::string_view unit, std::uint64_t since_us,
               LogLine& line) {
  bool wanted = false;
  std::uint64_t time_us = 0;
  const bool whole =
      ForEachJsonMember(text, [&](std::string_view key, const std::string& value, bool) {
        if (key == "unit") wanted = value == unit;
        if (key == "ts") line.time = value;
        if (key == "name") line.identifier = value;
        if (key == "msg") line.message = value;
        if (key == "pid") line.pid = value;
        if (key == "monotonic_us") {
          std::from_chars(value.data(), value.data() + value.size(), time_us);
        }
      });
  return whole && wanted && time_us >= since_us;
}

}  // namespace

Result<std::vector<LogLine>> LastLogLines(const std::string& socket, std::string_view unit,
                                          std::uint64_t since_us, std::size_t most) {
  std::deque<LogLine> kept;
  INRO_TRY(ReadLines(socket, [&](std::string_view text) {
    LogLine line;
    if (!ParseLine(text, unit, since_us, line)) return;
    kept.push_back(std::move(line));
    if (kept.size() > most) kept.pop_front();
  }));
  return std::vector<LogLine>(std::make_move_iterator(kept.begin()),
                              std::make_move_iterator(kept.end()));
}

Result<std::string> JournalText(const std::string& journalctl, const std::string& unit,
                                std::size_t most) {
  const std::vector<std::string> argv = {journalctl,      "--no-pager", "--quiet",
                                         "--boot",        "--lines",    std::to_string(most),
                                         "--unit=" + unit};
  INRO_ASSIGN(sys::RunOutput output, sys::Run(argv, {.timeout = kJournalLimit}));
  if (output.status != 0) return Fail("journalctl: {}", output.err);
  return std::move(output.out);
}

std::string LogLineText(const LogLine& line, std::string_view host) {
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::string text;
  int month = 0;
  if (line.time.size() >= 19) {
    std::from_chars(line.time.data() + 5, line.time.data() + 7, month);
  }
  if (month >= 1 && month <= 12) {
    text = fmt::format("{} {} {} ", kMonths[month - 1], line.time.substr(8, 2),
                       line.time.substr(11, 8));
  }
  text += fmt::format("{} {}", host, line.identifier.empty() ? "unknown" : line.identifier);
  if (!line.pid.empty() && line.pid != "0") text += fmt::format("[{}]", line.pid);
  text += ": ";
  const std::string indent(text.size(), ' ');
  for (const char c : line.message) {
    text += c;
    if (c == '\n') text += indent;
  }
  return text + "\n";
}

}  // namespace inro::guest::systemctl
