// One connection of the trace port, without its socket: bytes in, requests and answers out.
//
// States: new -> HTTP or Kata frames, by the first byte; either -> closing, when what came is
// malformed or the client asked to end: what is left in TakeReply() is sent, then it is closed.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/trace_message.h"
#include "vmm/host/http_request.h"

namespace inro::vmm {

class TraceStream {
 public:
  // False: it cannot be taken now.
  using Take = std::function<bool(const protocol::ExportTraceRequest&)>;

  explicit TraceStream(Take take) : take_(std::move(take)) {}

  void Feed(std::string_view bytes);
  std::string TakeReply() { return std::exchange(reply_, {}); }
  bool closing() const { return closing_; }

  std::uint64_t taken() const { return taken_; }
  std::uint64_t malformed() const { return malformed_; }

 private:
  enum class Kind { kNew, kHttp, kKata };

  void FeedHttp(std::string_view bytes);
  void FeedKata(std::string_view bytes);
  void Answer(const HttpRequest& request);
  void Reply(int status, std::string_view reason, std::string_view type, std::string_view body,
             bool keep);
  void Malformed(int status, std::string_view reason, std::string_view why);

  const Take take_;
  Kind kind_ = Kind::kNew;
  HttpRequestReader http_;
  std::string frame_;  // of Kata: header and what came of the body
  std::string reply_;
  bool closing_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace inro::vmm
