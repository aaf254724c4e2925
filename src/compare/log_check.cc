#include "compare/log_check.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "vmm/host/log_entry.h"

namespace inro::compare {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using vmm::LogEntry;

struct Seen {
  std::optional<LogEntry> kernel, syslog, native, agent;

  void Take(const LogEntry& entry, const std::string& token) {
    if (!kernel && entry.source == "kernel") kernel = entry;
    if (!agent && entry.source == "agent") agent = entry;
    if (entry.message == "syslog " + token) syslog = entry;
    if (entry.message == "native " + token) native = entry;
  }
  bool All() const { return kernel && syslog && native && agent; }
};

std::string Show(const LogEntry& entry) {
  return fmt::format("\"{}\" of {}[{}]", entry.message.substr(0, 60),
                     entry.unit.empty() ? entry.identifier : entry.unit, entry.pid);
}

// What a line should say of its sender and does not; empty when it does.
std::string Complaint(const LogEntry& entry, std::string_view pid) {
  if (entry.unit.empty()) return fmt::format("no unit in {}", entry.line);
  if (std::to_string(entry.pid) != pid) return fmt::format("not pid {} in {}", pid, entry.line);
  return {};
}

Result<Seen> ReadUntilSeen(int fd, const std::string& token, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  Seen seen;
  std::string bytes;
  char buffer[32 << 10];
  while (!seen.All()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) break;
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size <= 0) return FailAs(ErrorKind::kClosed, "the log port hung up");
    bytes.append(buffer, static_cast<std::size_t>(size));
    std::size_t begin = 0;
    for (std::size_t end; (end = bytes.find('\n', begin)) != std::string::npos; begin = end + 1) {
      seen.Take(vmm::ParseLogEntry(std::string_view(bytes).substr(begin, end - begin)), token);
    }
    bytes.erase(0, begin);
  }
  return seen;
}

}  // namespace

protocol::Finding CheckLogs(
    const std::function<Result<UniqueFd>(std::uint32_t, milliseconds)>& connect,
    protocol::Finding finding, milliseconds limit) {
  if (!finding.yes) return finding;
  const std::size_t blank = finding.evidence.find(' ');
  const std::string token = finding.evidence.substr(0, blank);
  const std::string pid = blank == std::string::npos ? "" : finding.evidence.substr(blank + 1);
  finding.yes = false;
  const auto socket = connect(kLogPort, limit);
  if (!socket) {
    finding.evidence = fmt::format("no log on port {}: {}", kLogPort, socket.error().ToString());
    return finding;
  }
  const auto seen = ReadUntilSeen(socket->get(), token, limit);
  if (!seen) {
    finding.evidence = seen.error().ToString();
    return finding;
  }
  std::string missing;
  const auto want = [&](const std::optional<LogEntry>& entry, std::string_view what) {
    if (!entry) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", what);
  };
  want(seen->kernel, "a line of the kernel");
  want(seen->syslog, "the line sent to /dev/log");
  want(seen->native, "the line sent by the journal's protocol");
  want(seen->agent, "a line of the agent");
  if (!missing.empty()) {
    finding.evidence = fmt::format("on port {} there was not {}", kLogPort, missing);
    return finding;
  }
  for (const auto& entry : {seen->syslog, seen->native}) {
    if (std::string complaint = Complaint(*entry, pid); !complaint.empty()) {
      finding.evidence = std::move(complaint);
      return finding;
    }
  }
  finding.yes = true;
  finding.evidence =
      fmt::format("port {} gave: kernel \"{}\"; agent \"{}\"; /dev/log {}; journal {}", kLogPort,
                  seen->kernel->message.substr(0, 40), seen->agent->message.substr(0, 40),
                  Show(*seen->syslog), Show(*seen->native));
  return finding;
}

}  // namespace inro::compare
