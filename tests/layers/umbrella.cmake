# Fails unless <papillon/papillon.hpp> includes every public header, and no other.
#   cmake -DROOT=<tree> [-DWRITE=ON] -P umbrella.cmake     WRITE: writes the header anew
# A header is private if it lies in a folder internal/.
cmake_minimum_required(VERSION 3.25)

cmake_path(ABSOLUTE_PATH ROOT NORMALIZE)
set(umbrella "${ROOT}/include/papillon/papillon.hpp")
set(headers "")
foreach(layer IN ITEMS tensor autograd nn diffusion lorenz)
  file(GLOB_RECURSE found RELATIVE "${ROOT}" "${ROOT}/${layer}/*.hpp")
  list(APPEND headers ${found})
endforeach()
list(FILTER headers EXCLUDE REGEX "/internal/")
list(SORT headers)
if(NOT headers)
  message(FATAL_ERROR "no headers below '${ROOT}'")
endif()

list(TRANSFORM headers REPLACE "(.+)" "#include <papillon/\\1>" OUTPUT_VARIABLE includes)
list(JOIN includes "\n" includes)
set(expected "// All public headers. Written by tests/layers/umbrella.cmake; a test compares it with the tree.
#pragma once

${includes}
")
if(WRITE)
  file(WRITE "${umbrella}" "${expected}")
endif()
file(READ "${umbrella}" content)
if(NOT content STREQUAL expected)
  message(FATAL_ERROR "${umbrella} does not list the public headers; to write it anew:
  cmake -DROOT=. -DWRITE=ON -P tests/layers/umbrella.cmake")
endif()
list(LENGTH headers count)
message("<papillon/papillon.hpp> includes all ${count} public headers")
