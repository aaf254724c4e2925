// Several calls under way at a time, their answers taken in order.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/client.h"

namespace inro::vmm {

// Used by one thread. After an error nothing more is sent, and Drain() gives the first one.
class CallWindow {
 public:
  using Take = std::function<Result<>(std::string)>;

  // At most `calls` and about `bytes` of requests or expected answers are under way.
  CallWindow(wire::Client& client, std::size_t calls, std::size_t bytes)
      : client_(client), most_calls_(calls), most_bytes_(bytes) {}
  CallWindow(const CallWindow&) = delete;
  CallWindow& operator=(const CallWindow&) = delete;

  // Sends a call of role control, after having taken answers as long as the window is full. `take`
  // gets the answer's payload; `weight` is what it counts for.
  Result<> Send(std::string_view method, std::string payload, std::size_t weight, Take take = {});
  // Takes all answers.
  Result<> Drain();

 private:
  struct Under {
    wire::Client::Stream stream;
    std::string_view method;
    std::size_t weight;
    Take take;
  };
  Result<> TakeOne();

  wire::Client& client_;
  const std::size_t most_calls_;
  const std::size_t most_bytes_;
  std::deque<Under> under_;
  std::size_t bytes_ = 0;
};

}  // namespace inro::vmm
