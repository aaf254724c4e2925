# Headers that most files read, compiled once for a build: half of the time that building takes.
#
# A file includes what it uses all the same: with a compiler cache (CMAKE_CXX_COMPILER_LAUNCHER), for
# which precompiled headers are a hindrance, it is compiled without them. So it is for clang-tidy.
set(precompile ON)
if(CMAKE_CXX_COMPILER_LAUNCHER)
  set(precompile OFF)
endif()
option(INRO_PRECOMPILE "Compile common headers once" ${precompile})

if(INRO_PRECOMPILE)
  # GCC 12 forgets that precompiled headers are the system's, and warns about what it inlines.
  target_compile_options(inro_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow> $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>)
endif()

set(INRO_COMMON_HEADERS <algorithm> <array> <charconv> <chrono> <cstdint> <cstring> <expected>
  <functional> <map> <memory> <optional> <set> <span> <string> <string_view> <utility> <vector>
  <fmt/format.h>)
set(INRO_COMMON_TEST_HEADERS ${INRO_COMMON_HEADERS} <thread> <gmock/gmock.h> <gtest/gtest.h>)

# A target that exists for its precompiled headers: the flags of those that reuse them.
function(inro_precompile name)
  if(NOT INRO_PRECOMPILE)
    return()
  endif()
  cmake_parse_arguments(P "" "" "HEADERS;LIBS;OPTIONS" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/${name}.cc "")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE inro_flags ${P_LIBS})
  target_compile_options(${name} PRIVATE ${P_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${P_HEADERS})
endfunction()

# Does nothing where headers are not precompiled.
function(inro_reuse_headers target from)
  if(INRO_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()

inro_precompile(inro_headers HEADERS ${INRO_COMMON_HEADERS})
if(INRO_TESTS AND NOT INRO_GUEST AND NOT INRO_FUZZ)
  inro_precompile(inro_test_headers HEADERS ${INRO_COMMON_TEST_HEADERS} LIBS GTest::gmock
    OPTIONS ${INRO_TEST_OPTIONS})
endif()
