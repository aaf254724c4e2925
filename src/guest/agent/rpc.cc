#include "guest/agent/rpc.h"

namespace inro::guest::agent {

wire::Code StatusCode(const Error& error) {
  return error.kind() == ErrorKind::kBadInput ? wire::Code::kInvalidArgument
                                              : wire::Code::kInternal;
}

void FailWith(wire::Responder& responder, const Error& error) {
  responder.Fail(StatusCode(error), error.ToString());
}

}  // namespace inro::guest::agent
