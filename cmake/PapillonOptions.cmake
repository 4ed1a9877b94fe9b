option(PAPILLON_BUILD_APPS "Build the papillon program" ${PROJECT_IS_TOP_LEVEL})
option(PAPILLON_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(PAPILLON_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(PAPILLON_BUILD_BENCH "Build the micro-benchmarks" OFF)
option(PAPILLON_INSTALL "Make the install rules" ${PROJECT_IS_TOP_LEVEL})
option(PAPILLON_WERROR "Treat warnings as errors" OFF)
option(PAPILLON_PRECOMPILE "Precompile the tensor headers: full builds take less time" OFF)
option(PAPILLON_LIBFUZZER "Build the fuzz targets with libFuzzer (Clang)" OFF)
set(PAPILLON_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# Warnings are set for each target, so that a host project that adds this one keeps its own.
function(papillon_target_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  # -fno-math-errno: sqrt and friends vectorise; errno is never read here.
  # -fno-trapping-math: comparisons and selects vectorise; traps are never enabled here.
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
      -Wnon-virtual-dtor -Woverloaded-virtual -fno-math-errno -fno-trapping-math>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-psabi>
    $<$<BOOL:${PAPILLON_WERROR}>:-Werror>)
  if(PAPILLON_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${PAPILLON_SANITIZE}
      -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${PAPILLON_SANITIZE})
    # The sanitizers' checks cause false alarms of this warning in GCC.
    target_compile_options(${target} PRIVATE
      $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-maybe-uninitialized>)
  endif()
endfunction()

# papillon_precompile(<target> <owner> headers...): the owner precompiles the headers; other targets that name
# the owner reuse them, and must be compiled with the same options.
function(papillon_precompile target owner)
  if(NOT PAPILLON_PRECOMPILE)
    return()
  elseif(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
