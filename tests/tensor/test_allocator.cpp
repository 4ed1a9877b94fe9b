// The recycling allocator: equal sizes come from the cache, also across threads.
#include <cstdint>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/elementwise.hpp"

using namespace papillon;

TEST_CASE("a loop over equal shapes allocates in its first pass only") {
  release_cached_memory();
  const auto x = Tensor<float>::ones({64, 33});
  const auto pass = [&] {
    const auto y = mul_scalar(add(x, x), 0.5f);
    return exp(y).size();
  };
  pass();
  const auto before = allocation_counters();
  const auto total = total_system_allocations();
  for (int i = 0; i < 100; ++i) pass();
  const auto after = allocation_counters();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.recycled >= before.recycled + 300);
  CHECK(total_system_allocations() == total);
  CHECK(after.cached_bytes == before.cached_bytes);
}

TEST_CASE("all sizes are served, aligned, and can be written to their end") {
  for (const std::size_t n :
       {0,   1,   63,  64,  65,   128,  255,  256,   257,     320,
        321, 511, 512, 513, 1000, 4095, 4097, 65537, 1 << 20, (1 << 20) + 1}) {
    auto* p = static_cast<unsigned char*>(memory::allocate_block(n));
    CHECK(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
    for (std::size_t i = 0; i < n; ++i) p[i] = 0xA5;
    memory::free_block(p, n);
    void* again = memory::allocate_block(n);  // the block freed last serves the next of its size
    CHECK(again == p);
    memory::free_block(again, n);
  }
  memory::free_block(nullptr, 8);
}

TEST_CASE("released memory leaves the cache") {
  { const Tensor<double> t(Shape{1000}); }
  CHECK(allocation_counters().cached_bytes >= 8000);
  release_cached_memory();
  CHECK(allocation_counters().cached_bytes == 0);
}

TEST_CASE("a block freed by another thread goes to that thread's cache") {
  auto t = Tensor<float>::full({5000}, 3);
  std::thread([t = std::move(t)]() mutable {
    CHECK(allocation_counters().cached_bytes == 0);
    t = Tensor<float>();
    CHECK(allocation_counters().cached_bytes >= 20000);
    const auto before = allocation_counters();
    const Tensor<float> again(Shape{5000});
    CHECK(allocation_counters().recycled == before.recycled + 1);
    CHECK(allocation_counters().system_allocations == before.system_allocations);
  }).join();
}

TEST_CASE("threads do not disturb one another") {
  std::vector<std::thread> threads;
  std::vector<int> wrong(8, 0);
  for (std::size_t k = 0; k < wrong.size(); ++k)
    threads.emplace_back([&wrong, k] {
      for (std::size_t i = 1; i < 400; ++i) {
        const auto a = Tensor<float>::full({i % 37 + 1, 5}, static_cast<float>(k));
        const auto b = add(a, a);
        for (const float v : b) wrong[k] += v != 2 * static_cast<float>(k);
      }
    });
  for (auto& t : threads) t.join();
  for (const int w : wrong) CHECK(w == 0);
}

TEST_CASE("absurd sizes throw and do not overflow") {
  CHECK_THROWS_AS(memory::allocate_block(SIZE_MAX / 2), std::bad_alloc);
  CHECK_THROWS_AS(RecyclingAllocator<double>().allocate(SIZE_MAX / 4), std::bad_alloc);
}
