// A ttrpc client over one connected socket: many calls at a time, each with a deadline.
//
// It has no thread of its own: whoever waits for an answer reads the socket, for all who wait. All
// functions may be called from several threads at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "wire/address.h"
#include "wire/ttrpc.h"

namespace inro::wire {

class Client {
 public:
  using Clock = std::chrono::steady_clock;
  using Stream = std::uint32_t;

  // Takes over a connected stream socket.
  explicit Client(UniqueFd socket);
  static Result<std::unique_ptr<Client>> Connect(const Address& address,
                                                 std::chrono::milliseconds timeout);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Sends a request and does not wait for the answer. `request.timeout_nano` goes on the wire.
  Result<Stream> Start(const Request& request, Clock::time_point deadline);
  // Waits for the answer of a started call, which is then forgotten. An error when none came
  // (kTimeout, kClosed); a status from the server is an answer.
  Result<Response> Finish(Stream stream, Clock::time_point deadline);

  // Sends a request whose answer nobody wants.
  Result<> Send(const Request& request, Clock::time_point deadline);
  // Ends the connection: whoever waits for an answer gets kClosed.
  void Shutdown();

  // Start and Finish; the server is told the same timeout.
  Result<Response> Call(std::string_view service, std::string_view method, std::string payload,
                        std::chrono::milliseconds timeout);
  // The same, and a status that is not OK is an error too: "grpc.Health/Check: UNIMPLEMENTED: ...".
  Result<std::string> CallOk(std::string_view service, std::string_view method, std::string payload,
                             std::chrono::milliseconds timeout);

  // False once the peer is gone or the stream is out of step: every later call fails.
  bool alive() const;
  int fd() const { return socket_.get(); }

 private:
  Result<> SendAll(std::string_view bytes, Clock::time_point deadline);
  // Reads what is there, waiting until `deadline` for the first byte. Called by one thread at a
  // time (reading_), without the lock.
  Result<> ReadSome(Clock::time_point deadline);
  void Break(Error error);

  const UniqueFd socket_;
  std::mutex send_mutex_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  Stream next_stream_ = 1;
  bool reading_ = false;
  std::map<Stream, std::optional<Response>> calls_;
  std::optional<Error> broken_;
  FrameReader reader_;  // used by the reading thread
};

}  // namespace inro::wire
