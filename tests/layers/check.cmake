# Walks the includes of the tree and fails on an upward one, and on an include of a private header by a public
# header or a client.
#   cmake -DROOT=<tree> -P check.cmake
# A layer may include itself and the layers before it; a room of lorenz, itself, the layers named for
# it and the layers that these may include. Headers in a folder internal/ are private to the library: they
# are not installed. Clients are the program and the examples.
cmake_minimum_required(VERSION 3.25)  # a script has no policies of its own
set(layers tensor autograd nn diffusion lorenz/dynamics lorenz/metrics lorenz/surrogate
  lorenz/assimilation apps examples)
set(below_tensor "")
set(below_autograd tensor)
set(below_nn tensor autograd)
set(below_diffusion ${below_nn} nn)
set(below_lorenz/dynamics tensor autograd)
set(below_lorenz/metrics ${below_nn} nn lorenz/dynamics)
set(below_lorenz/surrogate ${below_diffusion} diffusion lorenz/dynamics lorenz/metrics)
set(below_lorenz/assimilation ${below_diffusion} diffusion lorenz/dynamics)
set(below_apps ${layers})
list(REMOVE_ITEM below_apps examples)
set(below_examples ${below_apps})
list(REMOVE_ITEM below_examples apps)
set(clients apps examples)

set(mistakes 0)
set(files_seen 0)
foreach(layer IN LISTS layers)
  file(GLOB_RECURSE files "${ROOT}/${layer}/*.hpp" "${ROOT}/${layer}/*.cpp")
  foreach(file IN LISTS files)
    math(EXPR files_seen "${files_seen} + 1")
    file(RELATIVE_PATH shown "${ROOT}" "${file}")
    file(STRINGS "${file}" includes REGEX "^[ \t]*#[ \t]*include")
    foreach(include IN LISTS includes)
      if(include MATCHES "[<\"]papillon/(lorenz/[a-z_0-9]+|[a-z_0-9]+)/"
         AND NOT CMAKE_MATCH_1 IN_LIST below_${layer} AND NOT CMAKE_MATCH_1 STREQUAL layer)
        message("${shown}: ${layer} must not include ${CMAKE_MATCH_1}: ${include}")
        math(EXPR mistakes "${mistakes} + 1")
      elseif(include MATCHES "\"\\.\\./")
        message("${shown}: write <papillon/...>, not a path upward: ${include}")
        math(EXPR mistakes "${mistakes} + 1")
      elseif(include MATCHES "cblas|lapacke" AND NOT shown STREQUAL "tensor/linalg.cpp")
        message("${shown}: only tensor/linalg.cpp knows the BLAS: ${include}")
        math(EXPR mistakes "${mistakes} + 1")
      elseif(include MATCHES "internal/" AND NOT shown MATCHES "internal/|^(tensor|autograd|nn|diffusion|lorenz)/.*cpp$")
        message("${shown}: a header in internal/ is private to the library: ${include}")
        math(EXPR mistakes "${mistakes} + 1")
      elseif(file MATCHES "\\.hpp$" AND NOT layer IN_LIST clients AND NOT file MATCHES "/internal/" AND include MATCHES "<(fmt|nlohmann)/")
        message("${shown}: no public header includes ${CMAKE_MATCH_1}: ${include}")
        math(EXPR mistakes "${mistakes} + 1")
      endif()
    endforeach()
  endforeach()
endforeach()

if(files_seen EQUAL 0)
  message(FATAL_ERROR "no source files below '${ROOT}'")
elseif(mistakes GREATER 0)
  message(FATAL_ERROR "${mistakes} includes break the order of the layers: ${layers}")
endif()
message("${files_seen} files keep the order of the layers")
