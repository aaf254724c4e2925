// Socket units: they listen, and what comes starts their services (systemd.socket(5)).
//
// Accept=no: listening -> running -> listening. While it is `listening` its descriptors are
// watched; the first byte or connection submits a start of the service, and they are not looked at
// again before the service is down and has no job (else a service that does not take what waits
// would be started over and over in one wake).
// Accept=yes: always listening. Each connection is accepted, a few in a wake, and becomes an
// instance of the template, which is forgotten with its connection once it is down.
// Either: triggers above TriggerLimitBurst= fail the socket unit, which closes it.
//
// Invariants: a descriptor is watched only as long as its unit is active; a connection is held, and
// counted, from accept(2) until its instance is down or could not be started; nothing here blocks.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "guest/init/accounts.h"
#include "guest/init/activation.h"
#include "guest/init/kernel_log.h"
#include "guest/init/socket_listener.h"
#include "guest/init/unit_starter.h"

namespace inro::guest {

class SocketActivation {
 public:
  static constexpr int kAcceptsPerWake = 16;
  static constexpr Time kRest{100'000};  // when there is no memory or descriptor to accept with

  SocketActivation(UnitStarter& starter, const Accounts& accounts, KernelLog& log, int epoll)
      : starter_(starter), accounts_(accounts), log_(log), epoll_(epoll) {}

  Result<> Activate(const unit::Unit& unit);
  void Deactivate(const unit::Unit& unit);
  void UnitChanged(const UnitRun& run);
  std::vector<PassedDescriptor> DescriptorsFor(const unit::Unit& service) const;
  const PassedConnection* ConnectionOf(const std::string& service) const;

  // True when the descriptor is one of these.
  bool OnReadable(int fd);
  // What has changed since the last call has its effects. To be called in each wake, outside of the
  // supervisor.
  void Settle();
  Time NextDeadline() const;

  std::size_t connections() const { return connections_.size(); }

 private:
  struct Socket {
    std::string name;
    std::string service;  // a template with Accept=yes
    bool accept = false;
    std::vector<ListeningPort> ports;
    bool watched = false;
    JobId job = 0;  // of the start that it has asked for
    Time window{0};
    unsigned triggers = 0;  // in the window
    unsigned connections = 0;
    std::map<std::string, unsigned> sources;
    unsigned accepted = 0;
    Time rest_until{0};
  };
  struct Connection {
    UniqueFd fd;
    PassedConnection passed;
    std::string socket;
    std::string source;
    JobId job = 0;
  };
  const unit::SocketSettings* SettingsOf(const Socket& socket) const;
  void Watch(Socket& socket, bool watched);
  void Look(Socket& socket);
  bool WithinTriggerLimit(Socket& socket, const unit::SocketSettings& settings);
  void Trigger(Socket& socket);
  void Accept(Socket& socket, int fd);
  void TakeConnection(Socket& socket, const unit::SocketSettings& settings, UniqueFd fd);
  void StartInstance(Socket& socket, const std::string& instance);
  void Release(const std::string& instance);

  UnitStarter& starter_;
  const Accounts& accounts_;
  KernelLog& log_;
  int epoll_;
  std::map<std::string, std::unique_ptr<Socket>, std::less<>> sockets_;
  std::map<int, Socket*> by_fd_;
  std::multimap<std::string, Socket*, std::less<>> by_service_;
  std::map<std::string, Connection, std::less<>> connections_;  // by the instance's name
  std::set<std::string> changed_;                               // sockets to be looked at
  std::set<std::string> ended_;                                 // instances that are down
  std::set<std::string> starting_;                              // instances whose job is under way
};

}  // namespace inro::guest
