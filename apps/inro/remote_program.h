// A program in a guest at this process's own streams and terminal: what exec and console share.
#pragma once

#include <string>

#include "base/result.h"
#include "protocol/exec_message.h"

namespace inro::cli {

struct RemoteProgram {
  std::string guest;  // as the user wrote it
  protocol::ExecStartRequest request;
  bool input = true;     // standard input goes to the program
  bool escapes = false;  // ~. and Ctrl-] leave; said at the start
};

// Runs it and gives its status: the code, or 128 + signal; 127 and 126 when it did not start. With
// a terminal the user's own is in raw mode meanwhile and its size is followed; signals that this
// process gets are passed on.
Result<int> RunRemoteProgram(RemoteProgram program);

}  // namespace inro::cli
