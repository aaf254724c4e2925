#include <sys/time.h>

#include <cmath>
#include <cstring>

#include "guest/clock/chrony.h"

namespace inro::guest::clock {
namespace {

constexpr std::uint8_t kVersion = 6;
constexpr std::uint8_t kRequestType = 1;
constexpr std::uint8_t kReplyType = 2;
constexpr std::size_t kReplyHeader = 28;
constexpr std::size_t kTrackingSize = 76;

// What a request has to be filled up to: the size of its answer, so that nobody can make chronyd
// send more than was sent to it.
std::size_t RequestSize(ChronyCommand command) {
  return command == ChronyCommand::kTracking ? kReplyHeader + kTrackingSize : kReplyHeader;
}

std::uint16_t Get16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t Get32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(Get16(bytes, at)) << 16 | Get16(bytes, at + 2);
}
void Put16(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

}  // namespace

std::string Tracking::ReferenceName() const {
  if (reference_id == 0) return "";
  std::string letters;
  bool printable = true;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const char letter = static_cast<char>(reference_id >> shift & 0xff);
    if (letter == 0 && !letters.empty()) continue;
    printable = printable && letter > ' ' && letter < 0x7f && letter != '"' && letter != '\\';
    letters.push_back(letter);
  }
  if (printable) return letters;
  return fmt::format("{}.{}.{}.{}", reference_id >> 24, reference_id >> 16 & 0xff,
                     reference_id >> 8 & 0xff, reference_id & 0xff);
}

std::vector<std::uint8_t> EncodeChronyRequest(ChronyCommand command, std::uint32_t sequence) {
  std::vector<std::uint8_t> bytes(RequestSize(command));
  bytes[0] = kVersion;
  bytes[1] = kRequestType;
  Put16(bytes, 4, static_cast<std::uint16_t>(command));
  Put16(bytes, 8, static_cast<std::uint16_t>(sequence >> 16));
  Put16(bytes, 10, static_cast<std::uint16_t>(sequence));
  return bytes;
}

std::optional<std::span<const std::uint8_t>> ParseChronyReply(std::span<const std::uint8_t> bytes,
                                                              ChronyCommand command,
                                                              std::uint32_t sequence) {
  if (bytes.size() < kReplyHeader || bytes[0] != kVersion || bytes[1] != kReplyType ||
      Get16(bytes, 4) != static_cast<std::uint16_t>(command) || Get16(bytes, 8) != 0 ||
      Get32(bytes, 16) != sequence) {
    return std::nullopt;
  }
  return bytes.subspan(kReplyHeader);
}

double ParseChronyFloat(std::uint32_t bits) {
  // Both parts are signed: shifting an int32 right keeps the sign.
  const int exponent = static_cast<std::int32_t>(bits) >> 25;
  const int coefficient = static_cast<std::int32_t>(bits << 7) >> 7;
  return std::ldexp(static_cast<double>(coefficient), exponent - 25);
}

std::optional<Tracking> ParseTracking(std::span<const std::uint8_t> data) {
  if (data.size() < kTrackingSize) return std::nullopt;
  Tracking tracking;
  tracking.reference_id = Get32(data, 0);
  tracking.stratum = Get16(data, 24);
  tracking.leap = Get16(data, 26);
  // Twelve bytes of the reference's time come between.
  double* const numbers[] = {&tracking.offset,
                             &tracking.last_offset,
                             &tracking.rms_offset,
                             &tracking.frequency_ppm,
                             nullptr,
                             &tracking.skew_ppm,
                             &tracking.root_delay,
                             &tracking.root_dispersion,
                             &tracking.update_interval};
  std::size_t at = 40;
  for (double* const number : numbers) {
    if (number != nullptr) *number = ParseChronyFloat(Get32(data, at));
    at += 4;
  }
  return tracking;
}

std::vector<std::uint8_t> EncodeSample(const Reading& reading) {
  struct {
    timeval time;
    double offset;
    int pulse;
    int leap;
    int unused;
    int magic;
  } sample{};
  static_assert(sizeof(void*) != 8 || sizeof sample == 40);
  sample.time.tv_sec = reading.local / kSecond;
  sample.time.tv_usec = reading.local % kSecond / 1000;
  sample.offset = static_cast<double>(reading.offset) / 1e9;
  sample.magic = 0x534f434b;
  std::vector<std::uint8_t> bytes(sizeof sample);
  std::memcpy(bytes.data(), &sample, sizeof sample);
  return bytes;
}

}  // namespace inro::guest::clock
