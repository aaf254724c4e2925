#include "guest/init/socket_activation.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "guest/init/socket_address.h"
#include "guest/init/unit_run.h"
#include "unit/unit_name.h"

namespace inro::guest {

using unit::SocketSettings;

const SocketSettings* SocketActivation::SettingsOf(const Socket& socket) const {
  const UnitRun* run = starter_.Find(socket.name);
  return run == nullptr ? nullptr : run->unit->socket.get();
}

Result<> SocketActivation::Activate(const unit::Unit& unit) {
  if (sockets_.contains(unit.name) || unit.triggers.empty()) return {};
  auto socket = std::make_unique<Socket>();
  socket->name = unit.name;
  socket->service = unit.triggers.front();
  socket->accept = unit.socket->accept;
  if (!socket->accept) {
    // A service that runs already would never get the sockets.
    const UnitRun* run = starter_.Find(socket->service);
    if (run != nullptr && (run->IsUp() || run->IsStarting())) {
      return Fail("{} is already active", socket->service);
    }
  }
  INRO_ASSIGN(socket->ports, OpenPorts(*unit.socket, accounts_, log_));
  for (const ListeningPort& port : socket->ports) by_fd_[port.fd.get()] = socket.get();
  by_service_.emplace(socket->service, socket.get());
  changed_.insert(unit.name);
  sockets_[unit.name] = std::move(socket);
  return {};
}

void SocketActivation::Deactivate(const unit::Unit& unit) {
  const auto found = sockets_.find(unit.name);
  if (found == sockets_.end()) return;
  Socket& socket = *found->second;
  Watch(socket, false);
  for (const ListeningPort& port : socket.ports) by_fd_.erase(port.fd.get());
  ClosePorts(*unit.socket, socket.ports);
  std::erase_if(by_service_, [&](const auto& entry) { return entry.second == &socket; });
  changed_.erase(unit.name);
  sockets_.erase(found);
}

void SocketActivation::UnitChanged(const UnitRun& run) {
  const std::string& name = run.unit->name;
  if (run.unit->kind == unit::UnitKind::kSocket) {
    if (sockets_.contains(name)) changed_.insert(name);
    return;
  }
  for (auto [at, end] = by_service_.equal_range(name); at != end; ++at) {
    changed_.insert(at->second->name);
  }
  if (run.IsDown() && connections_.contains(name)) ended_.insert(name);
}

std::vector<PassedDescriptor> SocketActivation::DescriptorsFor(const unit::Unit& service) const {
  std::vector<PassedDescriptor> passed;
  if (const auto own = connections_.find(service.name); own != connections_.end()) {
    const auto from = sockets_.find(own->second.socket);
    const SocketSettings* settings = from == sockets_.end() ? nullptr : SettingsOf(*from->second);
    const bool named = settings != nullptr && !settings->fd_name.empty();
    passed.push_back({own->second.fd.get(), named ? settings->fd_name : "connection"});
    return passed;
  }
  const auto add = [&](const Socket& socket) {
    const SocketSettings* settings = SettingsOf(socket);
    if (socket.accept || settings == nullptr) return;
    for (const ListeningPort& port : socket.ports) {
      passed.push_back(
          {port.fd.get(), settings->fd_name.empty() ? socket.name : settings->fd_name});
    }
  };
  for (const auto& [name, socket] : sockets_) {
    if (socket->service == service.name) add(*socket);
  }
  if (!service.service) return passed;
  for (const std::string& name : service.service->sockets) {
    const auto found = sockets_.find(name);
    if (found != sockets_.end() && found->second->service != service.name) add(*found->second);
  }
  return passed;
}

const PassedConnection* SocketActivation::ConnectionOf(const std::string& service) const {
  const auto found = connections_.find(service);
  return found == connections_.end() ? nullptr : &found->second.passed;
}

void SocketActivation::Watch(Socket& socket, bool watched) {
  if (socket.watched == watched) return;
  socket.watched = watched;
  for (const ListeningPort& port : socket.ports) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = port.fd.get();
    const int done =
        ::epoll_ctl(epoll_, watched ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, port.fd.get(), &event);
    if (done != 0 && watched) {  // a regular file cannot be waited for
      log_.Warning("{}: cannot be watched: {}", socket.name, std::strerror(errno));
    }
  }
}

// Whether it is to be watched now, by what its service does.
void SocketActivation::Look(Socket& socket) {
  const UnitRun* own = starter_.Find(socket.name);
  const bool active = own != nullptr && own->phase == UnitPhase::kActive &&
                      !(own->job && own->job->kind == JobKind::kStop);
  if (!active || starter_.Stopping() || starter_.Now() < socket.rest_until) {
    return Watch(socket, false);
  }
  if (socket.accept) return Watch(socket, true);
  if (socket.job != 0 && starter_.IsPending(socket.job)) return Watch(socket, false);
  socket.job = 0;
  const UnitRun* service = starter_.Find(socket.service);
  const bool limited = service != nullptr && service->phase == UnitPhase::kFailed &&
                       service->result == "start-limit-hit";
  if (limited && !socket.watched) {
    return starter_.FailUnit(socket.name, "service-start-limit-hit",
                             socket.service + " was started too often");
  }
  const bool down =
      service == nullptr ||
      ((service->IsDown() || service->phase == UnitPhase::kAutoRestart) && !service->job);
  if (down && !socket.watched && own->unit->socket->flush_pending) {
    std::ranges::for_each(socket.ports, FlushPort);
  }
  starter_.SetSub(socket.name, down ? "listening" : "running");
  Watch(socket, down);
}

bool SocketActivation::WithinTriggerLimit(Socket& socket, const SocketSettings& settings) {
  constexpr Time kInterval{2'000'000};
  const Time interval = settings.trigger_interval.value_or(kInterval);
  const unsigned burst = settings.trigger_burst.value_or(settings.accept ? 200 : 20);
  if (interval.count() == 0 || burst == 0) return true;
  const Time now = starter_.Now();
  if (socket.triggers == 0 || (interval != kNever && now - socket.window >= interval)) {
    socket.window = now;
    socket.triggers = 0;
  }
  return ++socket.triggers <= burst;
}

bool SocketActivation::OnReadable(int fd) {
  const auto found = by_fd_.find(fd);
  if (found == by_fd_.end()) return false;
  Socket& socket = *found->second;
  if (!socket.watched) return true;  // an event from before
  if (socket.accept) {
    Accept(socket, fd);
  } else {
    Trigger(socket);
  }
  return true;
}

void SocketActivation::Trigger(Socket& socket) {
  Watch(socket, false);
  const SocketSettings* settings = SettingsOf(socket);
  if (settings == nullptr || starter_.Stopping()) return;
  if (!WithinTriggerLimit(socket, *settings)) {
    return starter_.FailUnit(socket.name, "trigger-limit-hit",
                             "it was triggered too often (TriggerLimitBurst=)");
  }
  const std::string name = socket.name;
  const std::string service = socket.service;
  const auto job = starter_.StartUnit(service);
  if (!job) {
    return starter_.FailUnit(
        name, "resources",
        fmt::format("{} cannot be started: {}", service, job.error().ToString()));
  }
  // The socket may be gone: what was started may conflict with it.
  const auto found = sockets_.find(name);
  if (found == sockets_.end()) return;
  found->second->job = *job;
  changed_.insert(name);
}

void SocketActivation::Accept(Socket& socket, int fd) {
  const std::string name = socket.name;
  for (int i = 0; i < kAcceptsPerWake; ++i) {
    const auto found = sockets_.find(name);
    if (found == sockets_.end() || !found->second->watched) return;
    const SocketSettings* settings = SettingsOf(*found->second);
    if (settings == nullptr || starter_.Stopping()) return Watch(*found->second, false);
    UniqueFd connection(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) {
      TakeConnection(*found->second, *settings, std::move(connection));
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      log_.Error("{}: a connection cannot be accepted: {}", name, std::strerror(errno));
      found->second->rest_until = starter_.Now() + kRest;
      Watch(*found->second, false);
    }
    return;  // nothing waits, or it has gone again
  }
}

void SocketActivation::TakeConnection(Socket& socket, const SocketSettings& settings, UniqueFd fd) {
  const auto names = NamesOfConnection(fd.get());
  if (!names) return;  // the peer has gone already
  if (!names->from_host) {
    log_.Warning("{}: a connection from {} is refused: only the host may talk", socket.name,
                 names->remote_addr);
    return;
  }
  if (!WithinTriggerLimit(socket, settings)) {
    return starter_.FailUnit(socket.name, "trigger-limit-hit",
                             "it was triggered too often (TriggerLimitBurst=)");
  }
  if (socket.connections >= settings.max_connections) {
    log_.Warning("{}: too many connections ({}): one is dropped", socket.name, socket.connections);
    return;
  }
  if (settings.max_connections_per_source > 0) {
    const auto from = socket.sources.find(names->source);
    if (from != socket.sources.end() && from->second >= settings.max_connections_per_source) {
      log_.Warning("{}: too many connections from {}: one is dropped", socket.name, names->source);
      return;
    }
  }
  SetConnectionOptions(settings, fd.get());
  const std::string instance =
      unit::Instantiate(socket.service, fmt::format("{}-{}", socket.accepted++, names->instance));
  starter_.SetAccepted(socket.name, socket.accepted);
  ++socket.connections;
  ++socket.sources[names->source];
  Connection& connection = connections_[instance];
  connection.fd = std::move(fd);
  connection.socket = socket.name;
  connection.source = names->source;
  connection.passed = {connection.fd.get(), names->remote_addr, names->remote_port};
  StartInstance(socket, instance);
}

void SocketActivation::StartInstance(Socket& socket, const std::string& instance) {
  const std::string name = socket.name;
  const auto job = starter_.StartUnit(instance);
  starter_.ForgetWhenDown(instance);
  if (!job) {
    Release(instance);
    return starter_.FailUnit(
        name, "resources",
        fmt::format("{} cannot be started: {}", instance, job.error().ToString()));
  }
  if (const auto found = connections_.find(instance); found != connections_.end()) {
    found->second.job = *job;
    starting_.insert(instance);
  }
}

void SocketActivation::Release(const std::string& instance) {
  const auto found = connections_.find(instance);
  if (found == connections_.end()) return;
  if (const auto from = sockets_.find(found->second.socket); from != sockets_.end()) {
    Socket& socket = *from->second;
    const auto source = socket.sources.find(found->second.source);
    if (source != socket.sources.end()) {  // not one of before a restart of the socket
      if (--source->second == 0) socket.sources.erase(source);
      --socket.connections;
    }
  }
  connections_.erase(found);
  starting_.erase(instance);
}

void SocketActivation::Settle() {
  for (auto instance = starting_.begin(); instance != starting_.end();) {
    const auto found = connections_.find(*instance);
    if (found != connections_.end() && starter_.IsPending(found->second.job)) {
      ++instance;
      continue;
    }
    // Perhaps the start has led to nothing: a condition, a dependency.
    const UnitRun* run = starter_.Find(*instance);
    if (run == nullptr || run->IsDown()) ended_.insert(*instance);
    instance = starting_.erase(instance);
  }
  for (const std::string& instance : std::exchange(ended_, {})) Release(instance);
  const Time now = starter_.Now();
  for (auto& [name, socket] : sockets_) {
    const bool rested = socket->rest_until.count() != 0 && now >= socket->rest_until;
    if (rested) socket->rest_until = Time(0);
    if (rested || (socket->job != 0 && !starter_.IsPending(socket->job))) changed_.insert(name);
  }
  for (const std::string& name : std::exchange(changed_, {})) {
    const auto found = sockets_.find(name);
    if (found != sockets_.end()) Look(*found->second);
  }
}

Time SocketActivation::NextDeadline() const {
  Time next = kNever;
  for (const auto& [name, socket] : sockets_) {
    if (socket->rest_until.count() != 0) next = std::min(next, socket->rest_until);
  }
  return next;
}

}  // namespace inro::guest
