# Fails if a source of the library or program forms a stream number or changes a seed: both come from
# tensor/random_streams.hpp.
#   cmake -DROOT=<tree> -P random_streams.cmake
cmake_minimum_required(VERSION 3.25)

set(patterns
  "RandomStream[{(][^})]" "RandomStream [a-z_]+{[^}]"        # constructed directly
  "{[a-z_.>-]*seed_?, [^,{}()\"]+}"                          # {seed, 17}
  "random_(normal|uniform)<[a-z]+>\\(.*, {[^{}]*}\\)"        # random_normal<float>({2, 3}, {0, 4})
  "fill_[a-z]+(<[a-z]+>)?\\({"                               # fill_normal<float>({0, 4}, ...)
  "(IndexPermutation|random_permutation|spun_up_states)[a-z_ ]*[({].*, {[^{}]+}"
  "constexpr [a-z:0-9_]+ [a-z_]*(stream|seed)s? ="           # private constants
  "stream [-+*^|] |stream [-+*^|]= "                         # arithmetic on stream numbers
  "seed_?\\)? [-+*^|] [A-Za-z0-9(]|seed_? [-+*^|]= ")        # and on seeds
list(JOIN patterns "|" any)

set(mistakes 0)
set(files_seen 0)
foreach(layer IN ITEMS tensor autograd nn diffusion lorenz apps)
  file(GLOB_RECURSE files "${ROOT}/${layer}/*.hpp" "${ROOT}/${layer}/*.cpp")
  list(FILTER files EXCLUDE REGEX "/tensor/random(_streams)?\\.[hc]pp$")
  foreach(file IN LISTS files)
    math(EXPR files_seen "${files_seen} + 1")
    file(RELATIVE_PATH shown "${ROOT}" "${file}")
    file(STRINGS "${file}" lines REGEX "^[^\"]*(${any})")
    foreach(line IN LISTS lines)
      if(NOT line MATCHES "^ *//")
        message("${shown}: streams come from random_stream(seed, Purpose, index): ${line}")
        math(EXPR mistakes "${mistakes} + 1")
      endif()
    endforeach()
  endforeach()
endforeach()

if(files_seen EQUAL 0)
  message(FATAL_ERROR "no source files below '${ROOT}'")
elseif(mistakes GREATER 0)
  message(FATAL_ERROR "${mistakes} streams of random numbers are not in the registry")
endif()
message("${files_seen} files take their streams of random numbers from the registry")
