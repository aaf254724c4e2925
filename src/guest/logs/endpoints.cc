#include "guest/logs/endpoints.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
// After sys/socket.h, which it needs.
#include <linux/vm_sockets.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "protocol/log_message.h"
#include "sys/file.h"
#include "wire/address.h"

namespace inro::guest::logs {
namespace {

constexpr int kFirstPassed = 3;
constexpr std::string_view kRingName = "ring";
constexpr std::string_view kJournald = "/usr/lib/systemd/systemd-journald";
constexpr std::string_view kKataAgent = "/usr/bin/kata-agent";
constexpr std::string_view kJournalFolder = "/run/systemd/journal";

bool Listens(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value != 0;
}

// The path or family of a socket's own address; empty for one that has none.
std::string BoundTo(int fd) {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  if (raw.ss_family == AF_VSOCK) return "vsock";
  if (raw.ss_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) return {};
  const auto* un = reinterpret_cast<const sockaddr_un*>(&raw);
  return {un->sun_path, ::strnlen(un->sun_path, size - offsetof(sockaddr_un, sun_path))};
}

Result<UniqueFd> BindDatagram(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Fail("the path {} is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("make a socket");
  ::unlink(path.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno("bind {}", path);
  }
  ::chmod(path.c_str(), 0666);
  const int on = 1;
  const int bytes = 8 << 20;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  return fd;
}

Result<UniqueFd> BindStream(const std::string& path, unsigned mode) {
  const mode_t old = ::umask(0777 & ~mode);
  auto fd = wire::Listen({.kind = wire::Address::Kind::kUnix, .path = path});
  ::umask(old);
  return fd;
}

void Put(int fd, std::string_view name, Endpoints& out) {
  UniqueFd owned(fd);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (name == kRingName) {
    out.ring = std::move(owned);
    return;
  }
  const std::string path = BoundTo(fd);
  if (!Listens(fd)) {
    if (path.ends_with("/dev-log") || path == "/dev/log") {
      out.dev_log = std::move(owned);
    } else if (path.ends_with("/journal/socket") && name.find("stdout-") != 0) {
      out.native = std::move(owned);
    } else if (path.ends_with("/journal/syslog")) {
      out.forwarded = std::move(owned);
    } else if (name.starts_with("stdout-")) {
      out.kept.emplace_back(name, std::move(owned));
    }
  } else if (path == "vsock") {
    out.remote_listeners.push_back(std::move(owned));
  } else if (path.ends_with("/journal/stdout")) {
    out.stdout_listener = std::move(owned);
  } else if (path.ends_with("/logs.sock")) {
    out.local_listener = std::move(owned);
  }
}

}  // namespace

Endpoints SortDescriptors(int first, int count, std::string_view names) {
  Endpoints out;
  for (int i = 0; i < count; ++i) {
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    Put(first + i, name, out);
  }
  return out;
}

Endpoints TakePassedDescriptors() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* fds = std::getenv("LISTEN_FDS");
  const char* names = std::getenv("LISTEN_FDNAMES");
  if (pid == nullptr || fds == nullptr) return {};
  const std::string_view count_text = fds;
  int count = 0;
  std::from_chars(count_text.data(), count_text.data() + count_text.size(), count);
  if (std::to_string(::getpid()) != pid || count <= 0 || count > 4096) return {};
  return SortDescriptors(kFirstPassed, count, names == nullptr ? "" : names);
}

std::vector<std::string> BindMissing(const EndpointSettings& settings, Endpoints& endpoints) {
  std::vector<std::string> problems;
  const auto path = [&](std::string_view name) { return settings.root + std::string(name); };
  const auto take = [&](Result<UniqueFd> socket, UniqueFd& place) {
    if (socket) {
      place = std::move(*socket);
    } else {
      problems.push_back(socket.error().ToString());
    }
  };
  const std::string folder = path(kJournalFolder);
  (void)sys::MakeDirectories(folder);
  (void)sys::MakeDirectories(path("/run/inro"));
  if (sys::Exists(path(kJournald))) {
    const std::string forwarded = folder + "/syslog";
    if (!endpoints.forwarded && !sys::Exists(forwarded)) {
      take(BindDatagram(forwarded), endpoints.forwarded);
    } else if (!endpoints.forwarded) {
      problems.push_back("what systemd-journald forwards goes to another service: " + forwarded);
    }
  } else {
    if (!endpoints.dev_log) {
      take(BindDatagram(folder + "/dev-log"), endpoints.dev_log);
      const std::string link = path("/dev/log");
      ::unlink(link.c_str());
      if (::symlink((folder + "/dev-log").c_str(), link.c_str()) != 0) {
        problems.push_back(fmt::format("cannot link {}: {}", link, std::strerror(errno)));
      }
    }
    if (!endpoints.native) take(BindDatagram(folder + "/socket"), endpoints.native);
    if (!endpoints.stdout_listener) {
      take(BindStream(folder + "/stdout", 0666), endpoints.stdout_listener);
    }
  }
  if (!endpoints.local_listener) {
    take(BindStream(path(protocol::kLogSocket), 0600), endpoints.local_listener);
  }
  if (settings.log_port != 0 && endpoints.remote_listeners.empty() &&
      !sys::Exists(path(kKataAgent))) {
    auto socket = wire::Listen(
        {.kind = wire::Address::Kind::kVsock, .cid = wire::kAnyCid, .port = settings.log_port});
    if (socket) {
      endpoints.remote_listeners.push_back(std::move(*socket));
    } else {
      problems.push_back(socket.error().ToString());
    }
  }
  return problems;
}

}  // namespace inro::guest::logs
