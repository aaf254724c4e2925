// The ways in to a collector of logs, and what a writer sends there: the same for both benchmarks.
#pragma once

#include <sys/socket.h>

namespace inro::bench {

struct LogWay {
  const char* name;
  const char* path;
  int type;
  const char* head;    // once, before the first line
  const char* before;  // of each line
};
inline constexpr LogWay kLogWays[] = {
    {"syslog", "/run/systemd/journal/dev-log", SOCK_DGRAM, "", "<14>Nov 24 10:00:00 bench[1]: "},
    {"native", "/run/systemd/journal/socket", SOCK_DGRAM, "",
     "PRIORITY=6\nSYSLOG_IDENTIFIER=bench\nCODE_FILE=a.c\nMESSAGE="},
    {"stdout", "/run/systemd/journal/stdout", SOCK_STREAM, "bench\n\n6\n0\n0\n0\n0\n", ""},
};

}  // namespace inro::bench
