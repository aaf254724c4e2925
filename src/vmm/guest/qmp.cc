#include "vmm/guest/qmp.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

namespace inro::vmm {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kLineLimit = std::size_t{4} << 20;
constexpr std::size_t kEventLimit = 1024;
constexpr std::chrono::milliseconds kRetryInterval{5};

int MillisecondsUntil(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left <= 0 ? 0 : static_cast<int>(std::min<long>(left, 1 << 30));
}

// Member `name` of an object as text; anything but a string there is an empty text.
std::string TextOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<QmpMessage> ParseQmpMessage(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return Fail("QMP: not a JSON object: {}", line);
  using Kind = QmpMessage::Kind;
  const auto dump = [](const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  if (const auto value = json.find("return"); value != json.end()) {
    return QmpMessage{Kind::kReturn, dump(*value)};
  }
  if (const auto value = json.find("error"); value != json.end()) {
    return QmpMessage{Kind::kError, value->is_object() ? TextOf(*value, "desc") : dump(*value)};
  }
  if (json.contains("event")) return QmpMessage{Kind::kEvent, TextOf(json, "event")};
  if (json.contains("QMP")) return QmpMessage{Kind::kGreeting, ""};
  return QmpMessage{Kind::kUnknown, ""};
}

Result<Qmp> Qmp::Connect(const std::string& path, std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Fail("QMP: {}: path too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  while (true) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return FailErrno("QMP: socket");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      Qmp qmp(std::move(fd));
      INRO_ASSIGN(const std::string line, qmp.ReadLine(deadline));
      INRO_ASSIGN(const QmpMessage greeting, ParseQmpMessage(line));
      if (greeting.kind != QmpMessage::Kind::kGreeting) return Fail("QMP: no greeting: {}", line);
      INRO_TRY(
          qmp.Execute("qmp_capabilities", std::chrono::milliseconds(MillisecondsUntil(deadline))));
      return qmp;
    }
    if (errno != ENOENT && errno != ECONNREFUSED) return FailErrno("QMP: connect to {}", path);
    if (Clock::now() >= deadline) {
      return FailAs(ErrorKind::kTimeout, "QMP: nobody listens on {}", path);
    }
    std::this_thread::sleep_for(kRetryInterval);
  }
}

Result<std::string> Qmp::ReadLine(Deadline deadline) {
  while (true) {
    if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (buffer_.size() > kLineLimit) return Fail("QMP: a line over {} bytes", kLineLimit);
    pollfd polled{fd_.get(), POLLIN, 0};
    const int ready = ::poll(&polled, 1, MillisecondsUntil(deadline));
    if (ready < 0 && errno != EINTR) return FailErrno("QMP: poll");
    if (ready == 0) return FailAs(ErrorKind::kTimeout, "QMP: no answer in time");
    if (ready < 0) continue;
    char bytes[4096];
    const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) {
      return FailAs(ErrorKind::kClosed, "QMP: QEMU closed the connection");
    }
    if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
    if (got < 0 && errno != EAGAIN && errno != EINTR) return FailErrno("QMP: read");
  }
}

Result<std::string> Qmp::Execute(std::string_view command, std::chrono::milliseconds timeout,
                                 std::string_view arguments) {
  const Deadline deadline = Clock::now() + timeout;
  nlohmann::json request{{"execute", command}};
  if (!arguments.empty()) {
    request["arguments"] = nlohmann::json::parse(arguments, nullptr, /*allow_exceptions=*/false);
  }
  const std::string line = request.dump() + "\n";
  if (::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(line.size())) {
    return FailAs(ErrorKind::kClosed, "QMP: QEMU closed the connection");
  }
  while (true) {
    INRO_ASSIGN(const std::string answer, ReadLine(deadline));
    INRO_ASSIGN(QmpMessage message, ParseQmpMessage(answer));
    switch (message.kind) {
      case QmpMessage::Kind::kReturn:
        return std::move(message.text);
      case QmpMessage::Kind::kError:
        return Fail("QMP: {}: {}", command, message.text);
      case QmpMessage::Kind::kEvent:
        if (events_.size() == kEventLimit) events_.pop_front();
        events_.push_back(std::move(message.text));
        break;
      case QmpMessage::Kind::kGreeting:
      case QmpMessage::Kind::kUnknown:
        break;
    }
  }
}

std::string Qmp::TakeEvent() {
  if (events_.empty()) return "";
  std::string event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace inro::vmm
