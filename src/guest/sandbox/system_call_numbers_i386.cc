#if defined(__x86_64__)
// clang-format off: no header of the C library first
#include <asm/unistd_32.h>
// clang-format on

#include "guest/sandbox/system_call_numbers.h"

namespace inro::guest::sandbox {

// A 64-bit kernel runs 32-bit programs, and a 64-bit program may make 32-bit calls.
extern const SystemCallNumbers kI386Numbers;
constinit const SystemCallNumbers kI386Numbers = {INRO_SYSTEM_CALLS(INRO_NUMBER_OF_CALL)};

}  // namespace inro::guest::sandbox
#endif
