// What sockets and timers ask of the supervisor: the seam that their tests fake.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "guest/init/job.h"

namespace inro::guest {

struct UnitRun;

// Nothing here may be called while the supervisor changes a unit: from Activate(), Deactivate() and
// UnitChanged() only Find() and the clocks are.
class UnitStarter {
 public:
  virtual ~UnitStarter() = default;

  virtual Result<JobId> StartUnit(const std::string& name) = 0;
  virtual Result<JobId> StopUnit(const std::string& name) = 0;
  virtual bool IsPending(JobId job) const = 0;
  // The socket or timer has failed by itself; it is deactivated by that.
  virtual void FailUnit(const std::string& name, std::string_view result, std::string reason) = 0;
  // What systemctl shows of an active socket or timer. A literal.
  virtual void SetSub(const std::string& name, std::string_view sub) = 0;
  virtual void SetAccepted(const std::string& name, unsigned count) = 0;
  // An instance that will not come again.
  virtual void ForgetWhenDown(const std::string& name) = 0;
  virtual const UnitRun* Find(std::string_view name) const = 0;
  // The system ends: nothing is started any more.
  virtual bool Stopping() const = 0;

  virtual Time Now() const = 0;
  // Microseconds since 1970.
  virtual std::int64_t WallClock() const = 0;
};

}  // namespace inro::guest
