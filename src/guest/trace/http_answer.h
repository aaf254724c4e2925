// The answer to a POST, as it comes in pieces: HTTP/1.1 (RFC 9112), as much as a client needs that
// has one request at a time and no use for the body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inro::guest::trace {

class HttpAnswer {
 public:
  enum class State { kReading, kDone, kMalformed };
  static constexpr std::size_t kHeadLimit = 16384;

  // Takes all bytes. Once done or malformed, stays so.
  State Take(std::string_view bytes);

  State state() const { return state_; }
  int status() const { return status_; }
  // False when the connection cannot carry another request: the server said so, or how long its
  // body is can only be known by its end.
  bool keep_alive() const { return keep_alive_; }

 private:
  bool ParseHead(std::string_view head);

  State state_ = State::kReading;
  std::string head_;
  bool in_body_ = false;
  std::size_t body_left_ = 0;
  int status_ = 0;
  bool keep_alive_ = true;
};

// Whether OTLP/HTTP says to send the same again later: 429, 502, 503 and 504.
constexpr bool IsRetryable(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace inro::guest::trace
