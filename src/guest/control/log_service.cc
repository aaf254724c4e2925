#include "guest/control/log_service.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/unique_fd.h"
#include "sys/file.h"
#include "wire/address.h"

namespace inro::guest::control {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kConnectLimit{1000};
constexpr std::uint32_t kMaxWaitMs = 10'000;
// An answer stays well below what one ttrpc frame may hold.
constexpr std::size_t kMaxAnswer = std::size_t{512} << 10;
constexpr std::uint32_t kMaxLines = 4096;
// The collector answers at once; a guest may be slow.
constexpr milliseconds kAnswerLimit{5000};

// Takes the whole lines off the front of `bytes`. True when an empty one was there: that is all.
bool TakeLines(std::string& bytes, std::size_t most, std::vector<std::string>& lines) {
  std::size_t begin = 0;
  bool all = false;
  for (std::size_t end; lines.size() < most && (end = bytes.find('\n', begin)) != bytes.npos;
       begin = end + 1) {
    all = all || end == begin;
    if (end != begin) lines.push_back(bytes.substr(begin, end - begin));
  }
  bytes.erase(0, begin);
  return all;
}

// The number after "host_port": in the collector's own state.
std::uint32_t HostPort() {
  const std::string state = sys::ReadFile(std::string(protocol::kLogState), 4096).value_or("");
  constexpr std::string_view kKey = "\"host_port\":";
  const std::size_t at = state.find(kKey);
  std::uint32_t port = 0;
  if (at != std::string::npos) {
    const char* begin = state.data() + at + kKey.size();
    std::from_chars(begin, state.data() + state.size(), port);
  }
  return port;
}

void AnswerRead(wire::Call call, wire::Responder responder) {
  protocol::LogReadRequest request;
  if (!protocol::Decode(call.request.payload, request)) {
    responder.Fail(wire::Code::kInvalidArgument, "malformed LogReadRequest");
    return;
  }
  auto response = ReadLog(std::string(protocol::kLogSocket), request);
  if (response) {
    response->host_port = HostPort();
    responder.Reply(protocol::Encode(*response));
  } else {
    responder.Fail(wire::Code::kUnavailable, response.error().ToString());
  }
}

}  // namespace

Result<protocol::LogReadResponse> ReadLog(const std::string& socket,
                                          const protocol::LogReadRequest& request) {
  INRO_ASSIGN(const UniqueFd fd,
              wire::Connect({.kind = wire::Address::Kind::kUnix, .path = socket}, kConnectLimit));
  INRO_TRY(sys::WriteAll(fd.get(), fmt::format("AFTER {}\n", request.after_seq), socket));
  const std::size_t most =
      request.max_lines == 0 ? kMaxLines : std::min(request.max_lines, kMaxLines);
  protocol::LogReadResponse response;
  std::string bytes;
  std::size_t total = 0;
  const auto wait = milliseconds(std::min(request.wait_ms, kMaxWaitMs));
  const auto begin = Clock::now();
  bool all = false;  // of what there was at the beginning
  char buffer[16 << 10];
  while (response.lines.size() < most && total < kMaxAnswer) {
    const auto until = begin + (all ? wait : kAnswerLimit + wait);
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    pollfd waiting{.fd = fd.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t size = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      if (response.lines.empty()) return FailAs(ErrorKind::kClosed, "the log collector hung up");
      break;
    }
    bytes.append(buffer, static_cast<std::size_t>(size));
    total += static_cast<std::size_t>(size);
    if (bytes.size() > protocol::kLogLineLimit + sizeof buffer) {
      return Fail("a line of the log has no end");
    }
    all = TakeLines(bytes, most, response.lines) || all;
    if (all && !response.lines.empty()) break;
  }
  return response;
}

std::vector<wire::Method> LogMethods() {
  return {{protocol::kLogService, "Read", wire::Method::Run::kWorker, AnswerRead}};
}

}  // namespace inro::guest::control
