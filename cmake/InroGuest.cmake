# The programs for the guest, built by a build of their own (static, small, other flags) and put
# beside the CLI: build/inro-guest and build/inro-floor.
include(ExternalProject)

set(guest_binaries inro-guest inro-floor)
set(installed_guest_binaries ${guest_binaries})
if(INRO_TESTS)
  list(APPEND guest_binaries guest_vsock guest_ports conformance_guest guest_log_bench)
endif()
set(guest_args
  -DINRO_GUEST=ON
  -DINRO_TESTS=OFF
  -DCMAKE_BUILD_TYPE=None
  -DINRO_WERROR=${INRO_WERROR}
  -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}
  -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER})
if(CMAKE_CXX_COMPILER_LAUNCHER)
  list(APPEND guest_args -DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

set(guest_outputs "")
set(guest_strips "")
foreach(binary ${guest_binaries})
  list(APPEND guest_outputs ${CMAKE_BINARY_DIR}/${binary})
  list(APPEND guest_strips COMMAND ${CMAKE_STRIP} --strip-all -R .comment -R .note.gnu.build-id
    -o ${CMAKE_BINARY_DIR}/${binary} ${CMAKE_BINARY_DIR}/guest/${binary})
endforeach()

# BUILD_ALWAYS: ninja of the inner build knows best whether there is something to do.
ExternalProject_Add(guest_programs
  SOURCE_DIR ${CMAKE_SOURCE_DIR}
  BINARY_DIR ${CMAKE_BINARY_DIR}/guest
  PREFIX ${CMAKE_BINARY_DIR}/guest-project
  CMAKE_ARGS ${guest_args}
  BUILD_COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR}/guest --target ${guest_binaries}
  BUILD_ALWAYS ON
  BUILD_BYPRODUCTS ${guest_outputs}
  USES_TERMINAL_BUILD ON
  INSTALL_COMMAND ${CMAKE_COMMAND} -E true
  ${guest_strips})
foreach(binary ${installed_guest_binaries})
  install(PROGRAMS ${CMAKE_BINARY_DIR}/${binary} DESTINATION lib/inro)
endforeach()
