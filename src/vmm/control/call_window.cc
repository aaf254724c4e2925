#include "vmm/control/call_window.h"

#include <utility>

#include "vmm/control/control_call.h"

namespace inro::vmm {

Result<> CallWindow::TakeOne() {
  Under under = std::move(under_.front());
  under_.pop_front();
  bytes_ -= under.weight;
  INRO_ASSIGN(wire::Response response, client_.Finish(under.stream, kNoDeadline));
  if (!response.status.ok()) return ControlError(under.method, response.status);
  return under.take ? under.take(std::move(response.payload)) : Result<>();
}

Result<> CallWindow::Send(std::string_view method, std::string payload, std::size_t weight,
                          Take take) {
  while (!under_.empty() && (under_.size() >= most_calls_ || bytes_ + weight > most_bytes_)) {
    INRO_TRY(TakeOne());
  }
  wire::Request request;
  request.service = protocol::kControlService;
  request.method = method;
  request.payload = std::move(payload);
  INRO_ASSIGN(const wire::Client::Stream stream, client_.Start(request, kNoDeadline));
  under_.push_back({stream, method, weight, std::move(take)});
  bytes_ += weight;
  return {};
}

Result<> CallWindow::Drain() {
  Result<> first;
  while (!under_.empty()) {
    auto taken = TakeOne();
    if (!taken && first) first = std::move(taken);
  }
  return first;
}

}  // namespace inro::vmm
