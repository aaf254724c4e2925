// What role `systemctl` asks of role `init`, over a SOCK_SEQPACKET socket that only root can reach:
// one record of fixed size each way for each connection, in the byte order of the machine (both
// ends are one program). Everything that can be read is in the state file; this is for what changes
// something.
#pragma once

#include <cstdint>
#include <string_view>

namespace inro::protocol {

inline constexpr std::string_view kInitSocket = "/run/inro/init.sock";
inline constexpr std::uint32_t kInitMagic = 0x496e7231;  // "Inr1"

enum class InitVerb : std::uint8_t {
  kJob,          // `job`, `mode` and `unit`; the answer comes when it is over, or at once
  kKill,         // `signal` to `who` of `unit`
  kResetFailed,  // of `unit`, or of all
  kReload,       // read all units anew
  kPower,        // `power`, with `force`: 0 in order, 1 without stop jobs, 2 at once
  kFlush,        // write the state file now
};

// The rows of these three are in the order of guest/init/job.h.
enum class InitJob : std::uint8_t {
  kStart,
  kStop,
  kRestart,
  kTryRestart,
  kReload,
  kReloadOrRestart
};
enum class InitMode : std::uint8_t { kReplace, kFail, kIsolate, kIgnoreDependencies };
enum class InitOutcome : std::uint8_t {
  kPending,
  kDone,
  kFailed,
  kCanceled,
  kDependency,
  kTimeout,
  kSkipped,
  kUnknown
};
enum class InitWho : std::uint8_t { kAll, kMain, kControl };
enum class InitPower : std::uint8_t { kPoweroff, kReboot, kHalt };
// What was wrong with a request.
enum class InitError : std::uint8_t { kNone, kFailed, kNotFound, kRefused };

struct InitRequest {
  std::uint32_t magic = kInitMagic;
  InitVerb verb = InitVerb::kFlush;
  InitJob job = InitJob::kStart;
  InitMode mode = InitMode::kReplace;
  InitWho who = InitWho::kAll;
  InitPower power = InitPower::kPoweroff;
  std::uint8_t force = 0;
  std::uint8_t no_block = 0;
  std::int32_t signal = 0;
  char unit[260] = {};  // ends with NUL
};

struct InitReply {
  std::uint32_t magic = kInitMagic;
  InitError error = InitError::kNone;
  InitOutcome outcome = InitOutcome::kDone;
  std::uint16_t reserved = 0;
  char text[504] = {};  // of an error, ends with NUL
};

}  // namespace inro::protocol
