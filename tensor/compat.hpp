// The one place that knows where xtensor keeps its headers (they moved in 0.26).
#pragma once

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xarray.hpp>
#endif

// A function compiled for several instruction sets, the best of which is chosen when the program
// is loaded. Sanitizers do not get along with the resolver; Clang before 17 mangles the clones of
// C++ functions wrongly.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PAPILLON_CLONES \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define PAPILLON_CLONES
#endif

// Forces a loop's body into each clone of the function that calls it.
#define PAPILLON_INLINE inline __attribute__((always_inline))
