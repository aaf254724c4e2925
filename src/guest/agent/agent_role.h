// Role `agent`: answers the agent API of Kata over ttrpc until the sandbox is destroyed.
#pragma once

namespace inro::guest::agent {

// Serves until DestroySandbox or SIGTERM (then 0), or until it cannot start (then 1). The address
// is $KATA_AGENT_SERVER_ADDR, else agent.server_addr of the kernel's command line, else
// vsock://-1:1024. Tells the init that it is ready through $NOTIFY_SOCKET. `argv` beyond the role's
// name: --version prints the version.
int RunAgent(int argc, char** argv);

}  // namespace inro::guest::agent
