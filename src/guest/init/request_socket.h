// The socket on which role `systemctl` asks for jobs (protocol/init_request.h). Only root: the
// socket is 0600, and the kernel's word on each peer is checked. At most kMaxClients at once; one
// that says nothing within kPatience is dropped. Nothing here blocks.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/supervisor.h"
#include "protocol/init_request.h"

namespace inro::guest {

class RequestSocket {
 public:
  static constexpr std::size_t kMaxClients = 64;
  static constexpr Time kPatience{10'000'000};

  // What else but the supervisor carries out requests.
  struct Actions {
    std::function<Result<JobId>()> reload;  // to be waited for
    std::function<void(protocol::InitPower, int force)> power;
    std::function<void()> flush;
  };

  // Watches its descriptors in `epoll`.
  static Result<RequestSocket> Bind(const std::string& path, int epoll);

  // True when the descriptor is one of these.
  bool OnReadable(int fd, Supervisor& supervisor, const Actions& actions, Time now);
  // Answers the clients whose jobs are over, and drops silent ones.
  void OnTime(const Supervisor& supervisor, Time now);
  Time NextDeadline() const;

 private:
  struct Client {
    UniqueFd fd;
    JobId job = 0;  // waited for; 0: the request has not come yet
    Time deadline = kNever;
  };
  RequestSocket(UniqueFd listener, int epoll) : listener_(std::move(listener)), epoll_(epoll) {}
  void Accept(Time now);
  void Answer(int fd, const protocol::InitReply& reply);

  UniqueFd listener_;
  int epoll_;
  std::map<int, Client> clients_;
};

// Carries out one request; the id of a job that the client waits for, 0 when `reply` is complete.
JobId CarryOut(const protocol::InitRequest& request, Supervisor& supervisor,
               const RequestSocket::Actions& actions, Time now, protocol::InitReply& reply);

}  // namespace inro::guest
