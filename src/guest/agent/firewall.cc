#include "guest/agent/firewall.h"

#include <unistd.h>

#include "sys/subprocess.h"

namespace inro::guest::agent {
namespace {

// Rules of a sandbox are a few kilobytes; what is far above is a mistake of somebody.
constexpr std::size_t kMostRules = 4 << 20;
constexpr std::chrono::seconds kLimit{20};

Result<std::string> FindProgram(const FirewallPrograms& programs, bool ipv6,
                                std::string_view action) {
  const std::string name = fmt::format("{}-{}", ipv6 ? "ip6tables" : "iptables", action);
  for (const std::string& folder : programs.folders) {
    std::string path = fmt::format("{}/{}", folder, name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return Fail("{} is not in this guest: its definition needs the package iptables", name);
}

Result<std::string> Execute(const std::vector<std::string>& argv, std::string input) {
  sys::RunOptions options;
  options.stdin_bytes = std::move(input);
  options.timeout = kLimit;
  return sys::RunOrFail(argv, options);
}

}  // namespace

Result<protocol::GetIPTablesResponse> GetIPTables(const protocol::GetIPTablesRequest& request,
                                                  const FirewallPrograms& programs) {
  INRO_ASSIGN(const std::string program, FindProgram(programs, request.is_ipv6, "save"));
  protocol::GetIPTablesResponse response;
  INRO_ASSIGN(response.data, Execute({program}, ""));
  return response;
}

Result<protocol::SetIPTablesResponse> SetIPTables(const protocol::SetIPTablesRequest& request,
                                                  const FirewallPrograms& programs) {
  if (request.data.size() > kMostRules) {
    return FailAs(ErrorKind::kBadInput, "{} bytes of rules; at most {} are taken",
                  request.data.size(), kMostRules);
  }
  INRO_ASSIGN(const std::string program, FindProgram(programs, request.is_ipv6, "restore"));
  protocol::SetIPTablesResponse response;
  // Another program may hold the lock of the tables for a moment.
  INRO_ASSIGN(response.data, Execute({program, "--wait", "5"}, request.data));
  return response;
}

}  // namespace inro::guest::agent
