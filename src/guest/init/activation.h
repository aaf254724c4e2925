// What starts services besides jobs: sockets and timers. The supervisor says when such a unit
// begins and ends; the launcher asks what a service is handed.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "unit/unit.h"

namespace inro::guest {

struct UnitRun;

// A descriptor for a process; it stays the giver's.
struct PassedDescriptor {
  int fd = -1;
  std::string name;  // of $LISTEN_FDNAMES
};

// What the process of an Accept=yes instance is told of its connection.
struct PassedConnection {
  int fd = -1;              // also the one of StandardInput=socket
  std::string remote_addr;  // $REMOTE_ADDR, empty for none
  std::string remote_port;  // $REMOTE_PORT
};

class Activation {
 public:
  virtual ~Activation() = default;
  // A socket begins to listen, a timer to count.
  virtual Result<> Activate(const unit::Unit& unit) = 0;
  virtual void Deactivate(const unit::Unit& unit) = 0;
  // After each change of a unit's phase.
  virtual void UnitChanged(const UnitRun& run) = 0;
  // What $LISTEN_FDS passes to a service, in order: the sockets of all its socket units, or its
  // connection.
  virtual std::vector<PassedDescriptor> DescriptorsFor(const unit::Unit& service) = 0;
  // nullptr when the service is no instance of an Accept=yes socket.
  virtual const PassedConnection* ConnectionOf(const unit::Unit& service) = 0;
};

}  // namespace inro::guest
