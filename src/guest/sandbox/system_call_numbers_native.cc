// clang-format off: no header of the C library first
#include <asm/unistd.h>
// clang-format on

#include "guest/sandbox/system_call_numbers.h"

namespace inro::guest::sandbox {

extern const SystemCallNumbers kNativeNumbers;
constinit const SystemCallNumbers kNativeNumbers = {INRO_SYSTEM_CALLS(INRO_NUMBER_OF_CALL)};

}  // namespace inro::guest::sandbox
