// chronyd as its neighbour sees it: samples for its SOCK reference clock (chrony.conf(5)), and its
// command protocol, version 6, over its Unix socket. Numbers are big-endian there; a number with a
// fraction has 7 bits of signed exponent and 25 bits of signed coefficient:
// coefficient x 2^(exponent - 25).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "guest/clock/clock_seam.h"

namespace inro::guest::clock {

// What `chronyc tracking` shows.
struct Tracking {
  std::uint32_t reference_id = 0;  // four letters, or an IPv4 address
  int stratum = 0;                 // 0: not synchronised
  int leap = 3;                    // 3: not synchronised
  double offset = 0;               // seconds that the system's clock is behind chrony's time
  double last_offset = 0;
  double rms_offset = 0;
  double frequency_ppm = 0;
  double skew_ppm = 0;
  double root_delay = 0;
  double root_dispersion = 0;
  double update_interval = 0;
  bool synchronised() const { return leap != 3; }
  // "HOST", or "192.0.2.1"; empty when there is none.
  std::string ReferenceName() const;
};

enum class ChronyCommand : std::uint16_t { kTracking = 33, kResetSources = 66 };

std::vector<std::uint8_t> EncodeChronyRequest(ChronyCommand command, std::uint32_t sequence);
// The data after the reply's header; nothing when it is no reply to that request, or says that the
// request was refused.
std::optional<std::span<const std::uint8_t>> ParseChronyReply(std::span<const std::uint8_t> bytes,
                                                              ChronyCommand command,
                                                              std::uint32_t sequence);
std::optional<Tracking> ParseTracking(std::span<const std::uint8_t> data);
double ParseChronyFloat(std::uint32_t bits);

// The 40 bytes of struct sock_sample, for this machine's byte order.
std::vector<std::uint8_t> EncodeSample(const Reading& reading);

// The daemon itself. Nothing is kept between calls: it may be started and stopped at any time.
class Chrony {
 public:
  virtual ~Chrony() = default;
  // Whether it listens for samples; `fed` below is then true.
  virtual bool WantsSamples() const = 0;
  // Whether it runs at all.
  virtual bool Runs() const = 0;
  virtual Result<> Feed(const Reading& reading) = 0;
  // Makes it forget its measurements, after the clock was set.
  virtual Result<> ResetSources() = 0;
  virtual Result<Tracking> AskTracking() = 0;
};

class ChronyDaemon final : public Chrony {
 public:
  // Paths of its sockets; its command socket's folder must be writable.
  ChronyDaemon(std::string samples, std::string commands)
      : samples_(std::move(samples)), commands_(std::move(commands)) {}
  bool WantsSamples() const override;
  bool Runs() const override;
  Result<> Feed(const Reading& reading) override;
  Result<> ResetSources() override;
  Result<Tracking> AskTracking() override;

 private:
  Result<std::vector<std::uint8_t>> Ask(ChronyCommand command);

  const std::string samples_;
  const std::string commands_;
  std::uint32_t sequence_ = 0;
};

}  // namespace inro::guest::clock
