// The policy file and the kernel's command line that goes with it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "protocol/control_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace inro::protocol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ControlPolicy policy = ParseControlPolicy(text);
  if (ParseControlPolicy(ControlPolicyText(policy)) != policy) std::abort();
  // Nothing but the whole word opens exec.
  if (policy.exec && text.find("yes") == text.npos) std::abort();
  const bool verified = RootIsVerified(text);
  if (verified && ConsoleAllowed(kPolicyWithoutFile, text)) std::abort();
  return 0;
}
