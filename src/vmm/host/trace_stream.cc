#include "vmm/host/trace_stream.h"

#include <fmt/format.h>

#include "vmm/host/kata_span.h"
#include "vmm/host/trace_json.h"

namespace inro::vmm {
namespace {

constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kJson = "application/json";

}  // namespace

void TraceStream::Feed(std::string_view bytes) {
  if (closing_ || bytes.empty()) return;
  if (kind_ == Kind::kNew) kind_ = bytes.front() == '\0' ? Kind::kKata : Kind::kHttp;
  if (kind_ == Kind::kKata) {
    FeedKata(bytes);
  } else {
    FeedHttp(bytes);
  }
}

void TraceStream::FeedHttp(std::string_view bytes) {
  while (!closing_) {
    HttpRequest request;
    switch (http_.Take(bytes, request)) {
      case HttpRequestReader::Outcome::kMore:
        return;
      case HttpRequestReader::Outcome::kContinue:
        reply_ += "HTTP/1.1 100 Continue\r\n\r\n";
        break;
      case HttpRequestReader::Outcome::kDone:
        Answer(request);
        break;
      case HttpRequestReader::Outcome::kMalformed:
        return Malformed(400, "Bad Request", "not an HTTP/1.1 request");
      case HttpRequestReader::Outcome::kTooLong:
        return Malformed(413, "Content Too Large", "the request is too long");
    }
  }
}

void TraceStream::Answer(const HttpRequest& request) {
  if (request.method != "POST") {
    ++malformed_;
    return Reply(405, "Method Not Allowed", "text/plain", "POST only\n", request.keep_alive);
  }
  if (request.target != protocol::kTracePath) {
    ++malformed_;
    return Reply(404, "Not Found", "text/plain", "POST /v1/traces\n", request.keep_alive);
  }
  if (!request.content_encoding.empty() && request.content_encoding != "identity") {
    ++malformed_;
    return Reply(415, "Unsupported Media Type", "text/plain", "no content encoding is supported\n",
                 request.keep_alive);
  }
  protocol::ExportTraceRequest spans;
  const bool json = request.content_type == kJson;
  if (json) {
    auto parsed = ParseTraceJson(request.body);
    if (!parsed) return Malformed(400, "Bad Request", parsed.error().ToString());
    spans = std::move(*parsed);
  } else if (request.content_type == kProtobuf) {
    if (!protocol::Decode(request.body, spans)) {
      return Malformed(400, "Bad Request", "malformed protobuf");
    }
  } else {
    ++malformed_;
    return Reply(415, "Unsupported Media Type", "text/plain",
                 "application/x-protobuf or application/json\n", request.keep_alive);
  }
  if (!take_(spans)) {
    return Reply(503, "Service Unavailable", "text/plain", "later\n", request.keep_alive);
  }
  ++taken_;
  // An ExportTraceServiceResponse without a partial success: all was taken.
  Reply(200, "OK", json ? kJson : kProtobuf, json ? "{}" : "", request.keep_alive);
}

void TraceStream::Reply(int status, std::string_view reason, std::string_view type,
                        std::string_view body, bool keep) {
  reply_ +=
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}", status,
                  reason, type, body.size(), keep ? "" : "Connection: close\r\n", body);
  if (!keep) closing_ = true;
}

void TraceStream::Malformed(int status, std::string_view reason, std::string_view why) {
  ++malformed_;
  Reply(status, reason, "text/plain", fmt::format("{}\n", why), false);
}

void TraceStream::FeedKata(std::string_view bytes) {
  while (!bytes.empty() && !closing_) {
    // The header first: it says how much to hold.
    const std::size_t length =
        frame_.size() < kKataHeaderSize ? 0 : static_cast<std::size_t>(KataFrameLength(frame_));
    const std::size_t size = std::min(kKataHeaderSize + length - frame_.size(), bytes.size());
    frame_ += bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (frame_.size() < kKataHeaderSize) return;
    const std::uint64_t wanted = KataFrameLength(frame_);
    if (wanted > kKataFrameLimit) {
      ++malformed_;
      closing_ = true;
      return;
    }
    if (frame_.size() < kKataHeaderSize + wanted) continue;
    const auto spans = ParseKataSpan(std::string_view(frame_).substr(kKataHeaderSize));
    frame_.clear();
    // The frames have no answer: what is not a span is stepped over, what cannot be taken is lost.
    if (spans && take_(*spans)) {
      ++taken_;
    } else {
      ++malformed_;
    }
  }
}

}  // namespace inro::vmm
