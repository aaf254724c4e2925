#include "guest/systemctl/context.h"

#include <fnmatch.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "protocol/unit_text.h"
#include "sys/file.h"
#include "unit/text.h"

namespace inro::guest::systemctl {
namespace {

std::vector<std::string> SearchPath() {
  const char* text = std::getenv("SYSTEMD_UNIT_PATH");
  if (text == nullptr || *text == '\0') return unit::DefaultSearchPath();
  std::vector<std::string> folders;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    if (colon > 0) folders.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return folders;
}

constexpr std::string_view kRunFolder = "/run/inro";

// Empty: no journald here, or not of this PID 1.
std::string Journalctl(const sys::FileSource& files, std::string_view run_folder) {
  constexpr const char* kJournald = "/usr/lib/systemd/systemd-journald";
  const bool has = files.TypeOf(kJournald) != sys::FileSource::Type::kAbsent;
  return has && run_folder == kRunFolder ? "/usr/bin/journalctl" : "";
}

struct Column {
  std::string_view name;
  std::string Row::* text = nullptr;
  std::uint64_t Row::* number = nullptr;
};
constexpr Column kColumns[] = {
    {"unit", &Row::name},
    {"active", &Row::active},
    {"sub", &Row::sub},
    {"pid", nullptr, &Row::pid},
    {"started_us", nullptr, &Row::started},
    {"active_us", nullptr, &Row::entered},
    {"restarts", nullptr, &Row::restarts},
    {"result", &Row::result},
    {"status", &Row::status},
    {"control_pid", nullptr, &Row::control_pid},
    {"since_us", nullptr, &Row::since},
    {"inactive_us", nullptr, &Row::inactive},
    {"exit_code", nullptr, &Row::exit_code},
    {"exit_status", nullptr, &Row::exit_status},
    {"condition", &Row::condition},
    {"job", &Row::job},
    {"job_id", &Row::job_id},
    {"job_state", &Row::job_state},
    {"accepted", nullptr, &Row::accepted},
    {"stored", nullptr, &Row::stored},
    {"reason", &Row::reason},
};

std::uint64_t ClockNow(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

void Print(std::string_view text) {
  static_cast<void>(sys::WriteAll(STDOUT_FILENO, text, "standard output").has_value());
}
void PrintError(std::string_view text) {
  static_cast<void>(sys::WriteAll(STDERR_FILENO, text, "standard error").has_value());
}

std::map<std::string, Row, std::less<>> ParseRows(std::string_view tsv) {
  std::map<std::string, Row, std::less<>> rows;
  protocol::ForEachUnitRow(tsv, [&](const protocol::UnitFields& fields) {
    Row row;
    for (const auto& [name, value] : fields) {
      const auto* column = std::ranges::find(kColumns, name, &Column::name);
      if (column == std::end(kColumns)) continue;
      if (column->text != nullptr) {
        row.*column->text = value;
      } else {
        row.*column->number = unit::ParseNumber<std::uint64_t>(value).value_or(0);
      }
    }
    std::string name = row.name;
    rows[std::move(name)] = std::move(row);
  });
  return rows;
}

Context::Context()
    : run_folder(std::getenv("INRO_RUN_DIR") != nullptr ? std::getenv("INRO_RUN_DIR") : kRunFolder),
      search_path(SearchPath()),
      journalctl(Journalctl(files, run_folder)) {}

unit::Loader& Context::loader() {
  if (!loader_) {
    unit::LoaderOptions loading;
    loading.search_path = search_path;
    loader_ = std::make_unique<unit::Loader>(files, loading);
  }
  return *loader_;
}

const std::map<std::string, Row, std::less<>>& Context::rows() {
  if (!rows_read_) {
    rows_read_ = true;
    // Without PID 1 the file is as old as it is.
    static_cast<void>(Ask(RequestFor(protocol::InitVerb::kFlush, "")).has_value());
    rows_ = ParseRows(sys::ReadFile(run_folder + "/units.tsv", 16 << 20).value_or(""));
  }
  return rows_;
}

Row Context::RowOf(std::string_view name) {
  const auto& all = rows();
  auto found = all.find(name);
  if (found == all.end()) found = all.find(loader().ResolveAlias(name));
  if (found != all.end()) return found->second;
  Row row;
  row.name = loader().ResolveAlias(name);
  return row;
}

std::string CompleteName(std::string_view word) {
  if (unit::KindOf(word)) return std::string(word);
  if (word.starts_with('/')) return unit::EscapePath(word) + ".mount";
  // A pattern stands for any kind, as systemctl has it.
  if (word.find_first_of("*?[") != word.npos) return std::string(word);
  return std::string(word) + ".service";
}

std::vector<std::string> Context::Names(std::size_t first, bool with_files) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name) {
    if (seen.insert(name).second) names.push_back(name);
  };
  for (std::size_t i = first; i < words.size(); ++i) {
    const std::string name = CompleteName(words[i]);
    if (name.find_first_of("*?[") == name.npos) {
      add(name);
      continue;
    }
    for (const auto& [known, row] : rows()) {
      if (::fnmatch(name.c_str(), known.c_str(), FNM_NOESCAPE) == 0) add(known);
    }
    if (!with_files) continue;
    for (const std::string& known : loader().ListNames()) {
      if (::fnmatch(name.c_str(), known.c_str(), FNM_NOESCAPE) == 0) add(known);
    }
  }
  return names;
}

protocol::InitRequest RequestFor(protocol::InitVerb verb, std::string_view unit) {
  protocol::InitRequest request;
  request.verb = verb;
  std::memcpy(request.unit, unit.data(), std::min(unit.size(), sizeof request.unit - 1));
  return request;
}

Result<UniqueFd> Context::Send(const protocol::InitRequest& request) const {
  const std::string path = run_folder + "/init.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Fail("{} is too long", path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return FailAs(ErrorKind::kNotFound,
                    "System has not been booted with inro's init as init system (PID 1). Can't "
                    "operate.");
    }
    return FailErrno("connect to {}", path);
  }
  if (::send(fd.get(), &request, sizeof request, MSG_NOSIGNAL) != ssize_t{sizeof request}) {
    return FailErrno("ask PID 1");
  }
  return fd;
}

Result<protocol::InitReply> Context::Receive(const UniqueFd& connection) const {
  protocol::InitReply reply;
  while (true) {
    const ssize_t size = ::recv(connection.get(), &reply, sizeof reply, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size == ssize_t{sizeof reply} && reply.magic == protocol::kInitMagic) return reply;
    return FailAs(ErrorKind::kClosed, "PID 1 does not answer");
  }
}

Result<protocol::InitReply> Context::Ask(const protocol::InitRequest& request) const {
  INRO_ASSIGN(const UniqueFd connection, Send(request));
  return Receive(connection);
}

std::uint64_t MonotonicNow() { return ClockNow(CLOCK_MONOTONIC); }

std::string WallText(std::uint64_t monotonic_us) {
  if (monotonic_us == 0) return "";
  const std::uint64_t wall = ClockNow(CLOCK_REALTIME) - MonotonicNow() + monotonic_us;
  const auto seconds = static_cast<time_t>(wall / 1'000'000);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  return fmt::format("{} {:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
                     kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string SpanText(std::uint64_t us) {
  struct Step {
    std::string_view name;
    std::uint64_t us;
  };
  constexpr Step kSteps[] = {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"min", 60'000'000},
                             {"s", 1'000'000},      {"ms", 1000},         {"us", 1}};
  std::string text;
  int shown = 0;
  for (const Step& step : kSteps) {
    const std::uint64_t count = us / step.us;
    if (count == 0 || shown == 2) continue;
    if (shown == 1 && step.us < 1'000'000 && text.ends_with("s")) break;
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", count, step.name);
    us %= step.us;
    ++shown;
    if (step.us <= 1'000'000) break;
  }
  return text.empty() ? "0" : text;
}

}  // namespace inro::guest::systemctl
