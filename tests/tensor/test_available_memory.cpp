// What needs more memory than there is is refused before it takes any.
#include "papillon/tensor/available_memory.hpp"

#include <sys/resource.h>

#include "catch.hpp"
#include "papillon/tensor/errors.hpp"

using namespace papillon;

TEST_CASE("more memory than there is is refused, with both numbers") {
  CHECK(available_memory() > 0);
  CHECK_NOTHROW(require_memory(1, "f"));
  CHECK_NOTHROW(require_memory(0, "f"));
  CHECK_THROWS_WITH(require_memory(4e18, "f: shape [1e18]"),
                    contains_text("f: shape [1e18] needs 4e+09 GB of memory; "));
  CHECK_THROWS_AS(require_memory(1e300, "f"), InputError);
}

TEST_CASE("the process's own limit counts") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_AS, &before) == 0);
  rlimit lower = before;
  lower.rlim_cur = rlim_t{1} << 46;  // 64 TiB, so that sanitizers go on
  if (before.rlim_max < lower.rlim_cur || ::setrlimit(RLIMIT_AS, &lower) != 0) return;
  const double limited = available_memory();
  ::setrlimit(RLIMIT_AS, &before);
  CHECK(limited <= 0x1p46);
  CHECK(limited <= available_memory() * 1.5);  // others take and free memory meanwhile
}
