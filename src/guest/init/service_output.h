// What services print, taken line by line to the kernel log, within a budget: a service that floods
// slows neither PID 1 nor the others, and every dropped line is counted and said.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/kernel_log.h"
#include "guest/init/supervisor.h"

namespace inro::guest {

// One pipe for each service that logs. A pipe is read at most kBytesPerRead at a time and rests
// for kRest after a read that filled the buffer: a flood waits in the service, not here. Memory:
// one unfinished line (below kMaxLine) for each service.
class ServiceOutput {
 public:
  static constexpr std::size_t kMaxLine = 800;
  static constexpr std::size_t kBytesPerRead = 16 << 10;
  static constexpr Time kRest{20'000};
  static constexpr unsigned kLinesPerInterval = 200;
  static constexpr Time kInterval{5'000'000};

  ServiceOutput(KernelLog& log, int epoll) : log_(log), epoll_(epoll) {}

  // How the lines of a service are logged.
  struct Style {
    std::string identifier;
    int level = 6;             // SyslogLevel=
    bool level_prefix = true;  // "<N>" in front of a line is its level
    int most_level = 7;        // LogLevelMax=: lines above are left out
    bool console = false;      // shown on the console too
  };
  // The end that a service writes to, valid as long as this lives; the same at each call for a
  // unit.
  Result<int> WriterFor(const std::string& unit, Style style);
  // There is something to read at `fd`. True when the descriptor is one of these.
  bool OnReadable(int fd, Time now);
  // Ends rests that are over.
  void OnTime(Time now);
  Time NextDeadline() const;
  // The service is down: what is left in its pipe is read, and the pipe goes.
  void Forget(const std::string& unit);

 private:
  struct Stream {
    std::string unit;
    Style style;
    UniqueFd reader;
    UniqueFd writer;
    std::string line;
    Time rest_until = kNever;  // not watched before
    Time interval_begin{0};
    unsigned lines = 0;
    unsigned dropped = 0;
  };
  void Take(Stream& stream, std::string_view bytes, Time now);
  void Emit(Stream& stream, Time now);
  bool ReadOnce(Stream& stream, Time now);

  KernelLog& log_;
  int epoll_;
  std::map<int, std::unique_ptr<Stream>> streams_;  // by reader
};

}  // namespace inro::guest
