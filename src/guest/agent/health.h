// grpc.Health: the agent is up as soon as it answers.
#pragma once

#include <vector>

#include "wire/server.h"

namespace inro::guest::agent {

// Check and Version.
std::vector<wire::Method> HealthMethods();

}  // namespace inro::guest::agent
