// Role `logs`: collects what the kernel, the services and the agent say, keeps the newest of it,
// and gives it to whoever reads. docs/logs.md tells the whole.
#pragma once

namespace inro::guest::logs {

// Returns the process's exit status. Ends on SIGTERM, after a bounded flush.
int RunLogs(int argc, char** argv);

}  // namespace inro::guest::logs
