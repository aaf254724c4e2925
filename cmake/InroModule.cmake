# One folder, one target.
#
#   inro_module(NAME [GUEST] [DEPS targets...] [LIBS libraries...] [TEST_DEPS ...] [TEST_LABELS ...])
#
# builds lib<NAME> from the folder's *.cc; *_test.cc become one unit test program <NAME>_test whose
# cases CTest discovers; *_fuzz.cc become one libFuzzer program each when INRO_FUZZ is on. GUEST says
# that the module is also part of the guest build (the others are left out there).

# Adds every folder below the given ones that has a CMakeLists.txt, in path order.
function(inro_add_folders)
  foreach(top ${ARGN})
    file(GLOB_RECURSE lists CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}
      ${CMAKE_CURRENT_SOURCE_DIR}/${top}/CMakeLists.txt
      ${CMAKE_CURRENT_SOURCE_DIR}/${top}/*/CMakeLists.txt)
    list(SORT lists)
    list(REMOVE_DUPLICATES lists)
    foreach(item ${lists})
      get_filename_component(folder ${item} DIRECTORY)
      add_subdirectory(${folder})
    endforeach()
  endforeach()
endfunction()

function(inro_module name)
  cmake_parse_arguments(M "GUEST" "" "DEPS;LIBS;TEST_DEPS;TEST_LABELS" ${ARGN})
  if(INRO_GUEST AND NOT M_GUEST)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC inro_flags ${M_DEPS} ${M_LIBS})
    inro_reuse_headers(${name} inro_headers)
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE inro_flags ${M_DEPS} ${M_LIBS})
  endif()
  if(tests AND INRO_TESTS AND NOT INRO_GUEST AND NOT INRO_FUZZ)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} ${M_TEST_DEPS} GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE INRO_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
      INRO_BINARY_DIR="${CMAKE_BINARY_DIR}")
    target_compile_options(${name}_test PRIVATE ${INRO_TEST_OPTIONS})
    inro_reuse_headers(${name}_test inro_test_headers)
    set(labels unit ${M_TEST_LABELS})
    gtest_discover_tests(${name}_test NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
      TEST_PREFIX ${name}. PROPERTIES LABELS "${labels}" TIMEOUT 900)
  endif()
  if(INRO_FUZZ)
    foreach(fuzzer ${fuzzers})
      get_filename_component(base ${fuzzer} NAME_WE)
      add_executable(${base} ${fuzzer})
      target_link_libraries(${base} PRIVATE ${name})
      inro_reuse_headers(${base} inro_headers)
      target_link_options(${base} PRIVATE -fsanitize=fuzzer)
      if(NOT TARGET fuzzers)
        add_custom_target(fuzzers)
      endif()
      add_dependencies(fuzzers ${base})
    endforeach()
  endif()
endfunction()
