// Waits until a guest's agent answers, and measures when.
//
// Polling: one stream to the agent's port is opened and held. Before the guest's driver is up the
// vsock device holds the attempt; while nobody listens in the guest it is refused and made again,
// at most once every `interval`. On the stream `grpc.Health/Check` is asked once and its answer is
// awaited: ready is when that arrives.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/guest/boot_watch.h"
#include "vmm/guest/guest.h"

namespace inro::vmm {

inline constexpr std::uint32_t kAgentPort = 1024;
// Between two attempts to connect; printed beside the measures.
inline constexpr std::chrono::milliseconds kPollInterval{5};

struct ReadinessOptions {
  std::chrono::milliseconds timeout{120'000};  // from exec of QEMU
  std::uint32_t port = kAgentPort;
  std::chrono::milliseconds interval = kPollInterval;
  // Called about every 100 ms, and whenever the console showed something new.
  std::function<void(const BootWatch&)> progress;
  std::size_t console_lines = 25;  // in the error
  std::stop_token stop;            // kInterrupted when requested
};

struct Readiness {
  std::chrono::steady_clock::time_point at;  // the answer's arrival
  std::chrono::nanoseconds since_exec{};     // from exec of QEMU
  unsigned attempts = 0;                     // to connect
  UniqueFd connection;                       // the held stream, idle, stream id 1 used
};

// `watch` is fed from the guest's console meanwhile; it stays the caller's for later looks. An
// error carries what was reached, which step is missing and the console's last lines: kTimeout, or
// kFailed when the kernel panicked or QEMU ended.
Result<Readiness> WaitReady(Guest& guest, BootWatch& watch, const ReadinessOptions& options);

// One Check on a connected stream. The answer must be SERVING. kClosed when the peer hangs up.
Result<> CheckHealth(int fd, std::uint32_t stream, std::chrono::milliseconds timeout);

}  // namespace inro::vmm
