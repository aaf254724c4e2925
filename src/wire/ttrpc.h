// The ttrpc frame and its two envelopes (containerd/ttrpc, PROTOCOL.md).
//
// A frame is a header of ten bytes (length and stream as big-endian words, type, flags) and at most
// 4 MiB of data. A Request frame carries an envelope that names service and method; a Response
// frame one with the status and the answer. Kata uses unary calls only: one Request, one Response.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace inro::wire {

inline constexpr std::size_t kFrameHeaderSize = 10;
inline constexpr std::size_t kFrameDataLimit = std::size_t{4} << 20;

enum class FrameType : std::uint8_t { kRequest = 1, kResponse = 2, kData = 3 };

struct FrameHeader {
  std::uint32_t length = 0;
  std::uint32_t stream = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
};

// `bytes` holds at least kFrameHeaderSize bytes.
FrameHeader DecodeFrameHeader(std::string_view bytes);
// A header and `data`, which must not be over kFrameDataLimit.
std::string EncodeFrame(FrameType type, std::uint32_t stream, std::string_view data);

// google.rpc codes (the numbers are gRPC's).
enum class Code : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};
// "UNIMPLEMENTED" and so on; "CODE_<n>" for a number without a name.
std::string CodeName(Code code);

struct Status {
  Code code = Code::kOk;
  std::string message;
  bool ok() const { return code == Code::kOk; }
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string service;  // "grpc.AgentService"
  std::string method;   // "CreateSandbox"
  std::string payload;
  std::int64_t timeout_nano = 0;  // 0 or less: none
  Metadata metadata;
};

struct Response {
  Status status;
  std::string payload;
};

std::string Encode(const Request& request);
std::string Encode(const Response& response);
// False when the bytes are malformed; unknown fields are skipped.
bool Decode(std::string_view bytes, Request& request);
bool Decode(std::string_view bytes, Response& response);

// Cuts a byte stream into frames. A frame over the limit is reported once, with `too_long` set and
// no data, and its bytes are dropped as they come, so the connection stays in step. Holds at most
// one frame. Not thread-safe.
class FrameReader {
 public:
  struct Frame {
    FrameHeader header;
    std::string data;
    bool too_long = false;
  };

  // Takes bytes off the front of `input`; true when `frame` was completed by them (call again with
  // the rest), false when all of `input` was taken and more is needed.
  bool Take(std::string_view& input, Frame& frame);
  // Bytes held of a frame that is not complete yet.
  std::size_t held() const { return header_.size() + data_.size(); }

 private:
  std::string header_;
  std::string data_;
  std::size_t drop_ = 0;  // what is left of a frame that was too long
};

}  // namespace inro::wire
