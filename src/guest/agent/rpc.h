// From a function over messages to a method of the server.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "protocol/agent_api.h"
#include "protocol/message.h"
#include "wire/server.h"

namespace inro::guest::agent {

// A request without fields.
struct NoFields {
  static constexpr std::string_view kName = "google.protobuf.Empty";
  template <class V>
  static void Fields(V&&) {}
};

// The status a client sees for an error: INVALID_ARGUMENT for bad input, else INTERNAL.
wire::Code StatusCode(const Error& error);
void FailWith(wire::Responder& responder, const Error& error);

// A method of grpc.AgentService that gets a decoded request and gives the bytes of the answer.
template <class Request>
wire::Method AgentMethod(std::string_view name, wire::Method::Run run,
                         std::function<Result<std::string>(const Request&)> answer) {
  return {protocol::kAgentService, name, run,
          [answer = std::move(answer)](wire::Call call, wire::Responder responder) {
            Request request;
            if (!protocol::Decode(call.request.payload, request)) {
              responder.Fail(wire::Code::kInvalidArgument, "malformed request");
              return;
            }
            Result<std::string> bytes = answer(request);
            if (bytes) {
              responder.Reply(std::move(*bytes));
            } else {
              FailWith(responder, bytes.error());
            }
          }};
}

}  // namespace inro::guest::agent
