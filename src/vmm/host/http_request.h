// Requests of one HTTP/1.1 connection (RFC 9112), as they come in pieces: as much of it as an OTLP
// receiver needs. Bodies have a Content-Length or are chunked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inro::vmm {

struct HttpRequest {
  std::string method;
  std::string target;
  std::string content_type;      // lower case, without parameters
  std::string content_encoding;  // lower case
  std::string body;
  bool keep_alive = true;
  bool expects_continue = false;  // "Expect: 100-continue"
};

// States: head -> body (length known) | chunks -> done -> head again with the next request;
// malformed is final. Holds at most one request.
class HttpRequestReader {
 public:
  static constexpr std::size_t kHeadLimit = 16384;
  static constexpr std::size_t kBodyLimit = std::size_t{8} << 20;

  enum class Outcome {
    kMore,      // all bytes were taken, the request goes on
    kDone,      // `request` is whole; call again with the rest
    kContinue,  // the head is whole and the client waits for "100 Continue"; call again
    kMalformed,
    kTooLong,
  };

  // Takes bytes off the front of `input`.
  Outcome Take(std::string_view& input, HttpRequest& request);

 private:
  enum class State { kHead, kBody, kChunkSize, kChunk, kChunkEnd, kTrailer, kBad };

  Outcome TakeHead(std::string_view& input);
  bool ParseHead(std::string_view head);
  bool ParseField(std::string_view name, std::string_view value);
  // A line of the chunked coding, without its end; false while it is not whole.
  bool TakeLine(std::string_view& input, std::string& line);
  Outcome Bad(Outcome outcome);

  State state_ = State::kHead;
  std::string held_;  // of the head, or of a line
  HttpRequest request_;
  std::size_t left_ = 0;
  bool chunked_ = false;
  bool has_length_ = false;
};

}  // namespace inro::vmm
