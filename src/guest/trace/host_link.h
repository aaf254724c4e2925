// The connection to the host: sends the buffer's spans as OTLP/HTTP, one request at a time on a
// kept connection, and tries again for ever.
//
// States: idle (nothing to send; a connection may be held) -> gathering (spans came; kGather passes
// so that one request carries several) -> connecting -> asking (request out, answer awaited) ->
// idle or, when there is more, asking; any failure -> pausing (back-off from kFirstPause, doubled
// up to kLongestPause) -> connecting. A batch leaves the buffer only when its request was answered:
// 2xx acknowledges it, a status that is not worth a retry refuses it, all else returns it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/trace/http_answer.h"
#include "guest/trace/span_buffer.h"
#include "wire/loop.h"

namespace inro::guest::trace {

class HostLink {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds kGather{20};
  static constexpr Milliseconds kFirstPause{50};
  static constexpr Milliseconds kLongestPause{2000};
  static constexpr Milliseconds kAnswerLimit{10'000};

  // A non-blocking socket, connected or on its way (EINPROGRESS).
  using Dial = std::function<Result<UniqueFd>()>;
  // The body of a request for these encoded spans.
  using MakeBody = std::function<std::string(const std::vector<std::string>&)>;
  // After each batch that was acknowledged, while it can still be read.
  using Acknowledged = std::function<void(const std::vector<std::string>&)>;

  // `loop` and `buffer` outlive it; everything happens on the loop's thread.
  HostLink(wire::Loop& loop, SpanBuffer& buffer, Dial dial, MakeBody body,
           Acknowledged acknowledged)
      : loop_(loop),
        buffer_(buffer),
        dial_(std::move(dial)),
        body_(std::move(body)),
        acknowledged_(std::move(acknowledged)) {}
  HostLink(const HostLink&) = delete;
  HostLink& operator=(const HostLink&) = delete;
  ~HostLink();

  // There are spans in the buffer.
  void Kick();
  // From now on nothing is gathered and pauses are short; calls `done` once the buffer is empty.
  void Hurry(std::function<void()> done);

  bool connected() const {
    return state_ == State::kAsking || (socket_ && state_ != State::kConnecting);
  }
  std::uint64_t failures() const { return failures_; }  // to connect, or of requests
  const std::string& last_error() const { return last_error_; }

 private:
  enum class State { kIdle, kGathering, kConnecting, kAsking, kPausing };

  void Advance();
  void Connect();
  void Ready(std::uint32_t events);
  void Ask();
  void WriteSome();
  void ReadSome();
  void Answered();
  void Fail(std::string why);
  void Close();
  void SetTimer(Milliseconds after, std::function<void()> action);

  wire::Loop& loop_;
  SpanBuffer& buffer_;
  const Dial dial_;
  const MakeBody body_;
  const Acknowledged acknowledged_;
  State state_ = State::kIdle;
  UniqueFd socket_;
  wire::Loop::Token watch_ = 0;
  wire::Loop::Token timer_ = 0;
  std::string out_;
  std::size_t written_ = 0;
  std::optional<HttpAnswer> answer_;
  Milliseconds pause_ = kFirstPause;
  bool hurry_ = false;
  std::function<void()> done_;
  std::uint64_t failures_ = 0;
  std::string last_error_;
};

}  // namespace inro::guest::trace
