// The environment of a unit's processes (systemd.exec(5), "ENVIRONMENT").
#pragma once

#include <string>

#include "base/result.h"
#include "guest/init/accounts.h"
#include "guest/init/activation.h"
#include "guest/init/service_host.h"
#include "sys/file_source.h"
#include "unit/unit.h"

namespace inro::guest {

// What init itself has to say to the process.
struct OwnVariables {
  std::string notify_socket;
  std::string invocation_id;
  std::string credentials_directory;
  std::string journal_stream;                      // of a process that writes to the collector
  bool terminal = false;                           // a standard stream is one
  std::vector<PassedDescriptor> descriptors = {};  // of $LISTEN_FDS
  const PassedConnection* connection = nullptr;
};

// `base` is what every service has (PATH). Later ones win: init's own, PassEnvironment=,
// Environment=, EnvironmentFile=; UnsetEnvironment= comes last. An error: a file that cannot be
// read. Variables with the process's own id are not among them.
Result<unit::Environment> BuildEnvironment(const unit::Unit& unit, const unit::ExecSettings& exec,
                                           unit::Environment base, const Identity& identity,
                                           const LaunchOptions& options, const OwnVariables& own,
                                           const sys::FileSource& files);

}  // namespace inro::guest
