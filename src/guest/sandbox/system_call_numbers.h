// Turns the kernel's macros __NR_* into one table. Private to the tables: included once for each
// architecture, after its <asm/unistd*.h> and nothing of the C library's that renames calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "guest/sandbox/system_call_list.h"

// Calls newer than some kernel headers; since 424 a call has one number on all architectures.
#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif
#ifndef __NR_futex_wake
#define __NR_futex_wake 454
#endif
#ifndef __NR_futex_wait
#define __NR_futex_wait 455
#endif
#ifndef __NR_futex_requeue
#define __NR_futex_requeue 456
#endif
#ifndef __NR_statmount
#define __NR_statmount 457
#endif
#ifndef __NR_listmount
#define __NR_listmount 458
#endif
#ifndef __NR_lsm_get_self_attr
#define __NR_lsm_get_self_attr 459
#endif
#ifndef __NR_lsm_set_self_attr
#define __NR_lsm_set_self_attr 460
#endif
#ifndef __NR_lsm_list_modules
#define __NR_lsm_list_modules 461
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_getxattrat
#define __NR_getxattrat 464
#endif
#ifndef __NR_listxattrat
#define __NR_listxattrat 465
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif

namespace inro::guest::sandbox {

#define INRO_COUNT_CALL(name) +1
inline constexpr std::size_t kSystemCallCount = 0 INRO_SYSTEM_CALLS(INRO_COUNT_CALL);
#undef INRO_COUNT_CALL

using SystemCallNumbers = std::array<std::int16_t, kSystemCallCount>;

// A macro that is not defined stays its own name, which is no number: -1.
consteval std::int16_t NumberOfText(const char* text) {
  int value = 0;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9') return -1;
    value = value * 10 + (*text - '0');
  }
  return static_cast<std::int16_t>(value);
}

}  // namespace inro::guest::sandbox

#define INRO_TEXT_OF(text) #text
#define INRO_EXPANDED_TEXT_OF(text) INRO_TEXT_OF(text)
#define INRO_NUMBER_OF_CALL(name) NumberOfText(INRO_EXPANDED_TEXT_OF(__NR_##name)),
