# Compiler and linker flags for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

add_library(inro_flags INTERFACE)
target_include_directories(inro_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(inro_flags INTERFACE
  _GNU_SOURCE _FILE_OFFSET_BITS=64 INRO_VERSION="${PROJECT_VERSION}")
target_compile_options(inro_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wno-missing-field-initializers
  # False positives of GCC 12 with std::string (GCC bug 105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fno-plt)
if(INRO_WERROR)
  target_compile_options(inro_flags INTERFACE -Werror)
endif()
if(INRO_SANITIZE)
  # GCC 12: false positives of instrumented code; fences order no data that ThreadSanitizer watches.
  target_compile_options(inro_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-error=stringop-overflow>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-error=tsan>)
  target_compile_options(inro_flags INTERFACE -fsanitize=${INRO_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(inro_flags INTERFACE -fsanitize=${INRO_SANITIZE})
endif()
if(INRO_FUZZ)
  # Line tables are enough for a stack trace and quicker to make than full debug information.
  target_compile_options(inro_flags INTERFACE -O1 -gline-tables-only
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  target_link_options(inro_flags INTERFACE -fsanitize=address,undefined)
endif()
if(INRO_GUEST)
  # Small and static. Warnings of the linker are errors: a static program must not call what loads
  # other libraries at run time (NSS, iconv, dlopen).
  target_compile_options(inro_flags INTERFACE -Os -flto=auto -ffunction-sections -fdata-sections
    -fno-asynchronous-unwind-tables)
  target_compile_definitions(inro_flags INTERFACE INRO_GUEST_BUILD=1 NDEBUG FMT_HEADER_ONLY=1
    FMT_STATIC_THOUSANDS_SEPARATOR=44)  # a comma: without it fmt links all of std::locale, 570 KB
  target_link_options(inro_flags INTERFACE -static -Os -flto=auto -Wl,--gc-sections
    -Wl,--fatal-warnings -Wl,-z,norelro -Wl,--hash-style=gnu -Wl,--build-id=none)
endif()
if(NOT INRO_GUEST)
  find_package(fmt REQUIRED)
  find_package(Threads REQUIRED)
  target_link_libraries(inro_flags INTERFACE fmt::fmt Threads::Threads)
endif()

# Tests are compiled more often than they run: their own code is not optimised in a release build.
set(INRO_TEST_OPTIONS "")
if(CMAKE_BUILD_TYPE STREQUAL Release AND NOT INRO_GUEST)
  set(INRO_TEST_OPTIONS -O0)
endif()
