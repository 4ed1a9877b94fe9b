// The pool's laws: each index once, exceptions come out, loops nest, host threads share.
#include <sched.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

TEST_CASE("Every index is run exactly once") {
  for (const std::size_t threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.thread_count() == threads);
    for (const std::size_t count : {0, 1, 2, 3, 100, 10'000}) {
      std::vector<std::atomic<int>> seen(count);
      pool.run(count, [&](std::size_t i) { ++seen[i]; });
      std::size_t wrong = 0;
      for (const auto& s : seen) wrong += s != 1;
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("What a loop wrote is seen after it, many times over") {
  ThreadPool pool(4);
  std::vector<std::size_t> plain(64);
  for (std::size_t round = 0; round < 3000; ++round) {
    pool.run(plain.size(), [&](std::size_t i) { plain[i] += i + round; });
  }
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(plain[i] == 3000 * i + 3000 * 2999 / 2);
}

TEST_CASE("Threads that slept wake again") {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // far longer than they spin
    std::atomic<int> at_once = 0, most = 0;
    pool.run(3, [&](std::size_t) {
      const int now = ++at_once;
      for (int m = most; now > m && !most.compare_exchange_weak(m, now);) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      --at_once;
    });
    CHECK(most >= 2);  // 3 unless the machine is very busy
    CHECK(most <= 3);
  }
}

TEST_CASE("An exception ends the loop and comes out, and the pool goes on") {
  for (const std::size_t threads : {1, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> inside = 0, run = 0;
      CHECK_THROWS_AS(pool.run(100'000,
                               [&](std::size_t i) {
                                 ++inside;
                                 ++run;
                                 if (i == 10) {
                                   --inside;
                                   throw std::out_of_range("ten");
                                 }
                                 // All of them together take far longer than a thread ever waits
                                 // for its processor on a busy machine.
                                 if (i > 10)
                                   std::this_thread::sleep_for(std::chrono::microseconds(20));
                                 --inside;
                               }),
                      std::out_of_range);
      CHECK(inside == 0);
      CHECK(run < 100'000);
    }
    std::atomic<int> sum = 0;
    pool.run(10, [&](std::size_t i) { sum += static_cast<int>(i); });
    CHECK(sum == 45);
  }
}

TEST_CASE("A loop inside a loop runs on its own thread") {
  ThreadPool pool(4), other(4);
  std::atomic<int> total = 0, elsewhere = 0;
  pool.run(20, [&](std::size_t) {
    const auto self = std::this_thread::get_id();
    other.run(20, [&](std::size_t) {
      ++total;
      elsewhere += std::this_thread::get_id() != self;
      pool.run(2, [&](std::size_t) { ++total; });
    });
  });
  CHECK(total == 20 * 20 * 3);
  CHECK(elsewhere == 0);
}

TEST_CASE("Host threads share a pool") {
  ThreadPool pool(3);
  std::vector<std::thread> hosts;
  std::vector<std::size_t> sums(4);
  for (std::size_t h = 0; h < sums.size(); ++h) {
    hosts.emplace_back([&, h] {
      for (int round = 0; round < 200; ++round) {
        std::vector<std::size_t> part(50);
        pool.run(part.size(), [&](std::size_t i) { part[i] = i * h; });
        sums[h] += std::accumulate(part.begin(), part.end(), std::size_t{0});
      }
    });
  }
  for (std::thread& host : hosts) host.join();
  for (std::size_t h = 0; h < sums.size(); ++h) CHECK(sums[h] == 200 * h * (50 * 49 / 2));
}

TEST_CASE("Pools start and end idle, in numbers") {
  for (int i = 0; i < 100; ++i) {
    ThreadPool pool(1 + static_cast<std::size_t>(i) % 4);
    if (i % 2 == 0) pool.run(3, [](std::size_t) {});
  }
}

TEST_CASE("The default is one thread for each processor that the process may use") {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  const std::size_t before = thread_count();
  set_thread_count(0);
  CHECK(thread_count() == static_cast<std::size_t>(CPU_COUNT(&set)));
  CHECK(default_pool().thread_count() == thread_count());
  set_thread_count(3);
  CHECK(thread_count() == 3);
  CHECK(default_pool().thread_count() == 3);
  CHECK_THROWS_AS(set_thread_count(5000), ArgumentError);
  CHECK_THROWS_AS(ThreadPool(5000), ArgumentError);
  CHECK(thread_count() == 3);
  set_thread_count(before);
}
