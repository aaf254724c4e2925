#include "guest/init/request_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace inro::guest {
namespace {

using protocol::InitError;
using protocol::InitReply;
using protocol::InitRequest;
using protocol::InitVerb;

void SetError(const Error& error, InitReply& reply) {
  reply.error = error.kind() == ErrorKind::kNotFound   ? InitError::kNotFound
                : error.kind() == ErrorKind::kBadInput ? InitError::kRefused
                                                       : InitError::kFailed;
  const std::string text = error.ToString();
  const std::size_t size = std::min(text.size(), sizeof reply.text - 1);
  std::memcpy(reply.text, text.data(), size);
}

bool Watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool IsRoot(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

}  // namespace

JobId CarryOut(const InitRequest& request, Supervisor& supervisor,
               const RequestSocket::Actions& actions, Time now, InitReply& reply) {
  const std::string_view unit(request.unit, ::strnlen(request.unit, sizeof request.unit));
  switch (request.verb) {
    case InitVerb::kJob: {
      if (request.job > protocol::InitJob::kReloadOrRestart ||
          request.mode > protocol::InitMode::kIgnoreDependencies) {
        break;
      }
      const auto kind = static_cast<JobKind>(request.job);
      const auto mode = static_cast<JobMode>(request.mode);
      if (const auto allowed = supervisor.CheckManual(kind, unit, mode); !allowed) {
        SetError(allowed.error(), reply);
        return 0;
      }
      const auto job = supervisor.Submit(kind, unit, mode, now);
      if (!job) {
        SetError(job.error(), reply);
        return 0;
      }
      return request.no_block != 0 ? 0 : *job;
    }
    case InitVerb::kKill: {
      if (request.who > protocol::InitWho::kControl || request.signal < 0 || request.signal > 64) {
        break;
      }
      const auto who = static_cast<Supervisor::KillWho>(request.who);
      const auto done = supervisor.KillUnit(unit, who, request.signal);
      if (!done) SetError(done.error(), reply);
      return 0;
    }
    case InitVerb::kResetFailed: {
      const auto done = supervisor.ResetFailed(unit);
      if (!done) SetError(done.error(), reply);
      return 0;
    }
    case InitVerb::kReload: {
      const auto job = actions.reload();
      if (!job) SetError(job.error(), reply);
      return job && request.no_block == 0 ? *job : 0;
    }
    case InitVerb::kPower:
      if (request.power > protocol::InitPower::kHalt) break;
      actions.power(request.power, request.force);
      return 0;
    case InitVerb::kFlush:
      actions.flush();
      return 0;
  }
  SetError(Error(ErrorKind::kBadInput, "the request is not understood"), reply);
  return 0;
}

Result<RequestSocket> RequestSocket::Bind(const std::string& path, int epoll) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Fail("{} is too long for a socket", path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("make a socket");
  ::unlink(path.c_str());
  const mode_t old = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(old);
  if (bound != 0 || ::listen(fd.get(), 64) != 0) return FailErrno("bind {}", path);
  if (!Watch(epoll, fd.get())) return FailErrno("watch {}", path);
  return RequestSocket(std::move(fd), epoll);
}

void RequestSocket::Accept(Time now) {
  for (int i = 0; i < 16; ++i) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (clients_.size() >= kMaxClients || !IsRoot(fd.get()) || !Watch(epoll_, fd.get())) continue;
    const int number = fd.get();
    clients_[number] = {std::move(fd), 0, now + kPatience};
  }
}

void RequestSocket::Answer(int fd, const InitReply& reply) {
  static_cast<void>(::send(fd, &reply, sizeof reply, MSG_DONTWAIT | MSG_NOSIGNAL) > 0);
  clients_.erase(fd);
}

bool RequestSocket::OnReadable(int fd, Supervisor& supervisor, const Actions& actions, Time now) {
  if (fd == listener_.get()) {
    Accept(now);
    return true;
  }
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return false;
  Client& client = found->second;
  InitRequest request;
  const ssize_t size = ::recv(fd, &request, sizeof request, MSG_DONTWAIT);
  // A second record, an end of file or a wrong size: it has gone, or is no client of ours.
  if (client.job != 0 || size != ssize_t{sizeof request} || request.magic != protocol::kInitMagic) {
    clients_.erase(found);
    return true;
  }
  InitReply reply;
  client.job = CarryOut(request, supervisor, actions, now, reply);
  if (client.job == 0) {
    Answer(fd, reply);
  } else {
    client.deadline = kNever;
  }
  return true;
}

void RequestSocket::OnTime(const Supervisor& supervisor, Time now) {
  for (auto entry = clients_.begin(); entry != clients_.end();) {
    const auto [fd, job, deadline] =
        std::tuple(entry->first, entry->second.job, entry->second.deadline);
    ++entry;
    if (job == 0) {
      if (now >= deadline) clients_.erase(fd);
      continue;
    }
    const JobOutcome outcome = supervisor.OutcomeOf(job);
    if (outcome == JobOutcome::kPending) continue;
    InitReply reply;
    reply.outcome = static_cast<protocol::InitOutcome>(outcome);
    Answer(fd, reply);
  }
}

Time RequestSocket::NextDeadline() const {
  Time next = kNever;
  for (const auto& [fd, client] : clients_) next = std::min(next, client.deadline);
  return next;
}

}  // namespace inro::guest
