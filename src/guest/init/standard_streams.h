// StandardInput=, StandardOutput= and StandardError= (systemd.exec(5)): what descriptors 0, 1 and 2
// of a process are.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/init/activation.h"
#include "guest/init/service_output.h"
#include "unit/unit.h"

namespace inro::guest {

struct StreamRequest {
  const unit::Unit& unit;
  const unit::ExecSettings& exec;
  const std::vector<PassedDescriptor>& descriptors;  // of its sockets
  const PassedConnection* connection = nullptr;
  ServiceOutput& output;  // takes lines when there is no collector
  std::string journal_socket = "/run/systemd/journal/stdout";
  bool terminal_input = true;  // else a terminal is only written to, and the input is empty
};

struct Streams {
  UniqueFd input, output, error;
  std::string journal_stream;  // "DEVICE:INODE" of a connection to the collector
  bool terminal = false;       // the input is one, and is to be the controlling one
};

// Opens them all, without waiting: not for a terminal's carrier, a FIFO's other end or a collector
// that does not accept. On an error `exit_code` says which stream it was.
Result<Streams> OpenStreams(const StreamRequest& request, int& exit_code);

// What the service is called in the log.
std::string IdentifierOf(const unit::Unit& unit, const unit::ExecSettings& exec);

}  // namespace inro::guest
