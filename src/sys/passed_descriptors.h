// The service's side of socket activation (sd_listen_fds(3)).
#pragma once

namespace inro::sys {

inline constexpr int kFirstPassedDescriptor = 3;

// How many descriptors PID 1 has passed to this process, from 3 on; 0 when it has not. They are
// made close-on-exec, and the variables go, so that no child takes them for its own.
int PassedDescriptors();

}  // namespace inro::sys
