// Follows the units of the running guest: gives their times when they change, without polling.
//
// Under init = inro it watches the table that PID 1 writes (/run/inro/units.tsv). Under systemd it
// listens on systemd's private bus, after one look by `systemctl show`; when that connection
// breaks, it looks again and makes a new one after a pause.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/trace/boot_trace.h"
#include "guest/trace/bus_signal.h"
#include "guest/trace/unit_times.h"
#include "wire/loop.h"

namespace inro::guest::trace {

class UnitWatch {
 public:
  // Called with units that changed, on the loop's thread.
  using Changed = std::function<void(const std::vector<UnitTimes>&)>;

  UnitWatch(wire::Loop& loop, Changed changed) : loop_(loop), changed_(std::move(changed)) {}
  UnitWatch(const UnitWatch&) = delete;
  UnitWatch& operator=(const UnitWatch&) = delete;
  ~UnitWatch();

  // Looks once and goes on watching. An error: it will look again later.
  Result<> Begin();
  // Reads what is there now, once more before the end.
  void Look();

  bool systemd() const { return systemd_; }
  // What PID 1 did before it started units; none under init = inro, which writes its own.
  std::vector<BootStep> ManagerSteps() const;

 private:
  Result<> BeginTable();
  Result<> BeginBus();
  Result<> ReadTable();
  void ReadBus();
  void Later();
  void EndWatch();

  wire::Loop& loop_;
  const Changed changed_;
  bool systemd_ = false;
  UniqueFd source_;  // inotify, or the bus
  wire::Loop::Token watch_ = 0;
  wire::Loop::Token timer_ = 0;
  BusReader bus_;
  std::map<std::string, UnitTimes, std::less<>> units_;  // of systemd: as far as it has said
};

}  // namespace inro::guest::trace
