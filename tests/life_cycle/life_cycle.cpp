// The library in the life of its host. Each situation is a process of its own, which must end with
// 0 and in time:
//   life_cycle <situation>
#include <sys/wait.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

// Loops, threaded random numbers, the tape: the same in any thread of any process at any time.
void work() {
  std::vector<double> squares(64);
  parallel_for(64, [&](std::size_t i) {
    const Tensor<double> row = Tensor<double>::full({i + 1}, static_cast<double>(i));
    squares[i] = row[i] * row[0];
  });
  for (std::size_t i = 0; i < 64; ++i) CHECK(squares[i] == static_cast<double>(i * i));
  const Tensor<float> noise = random_normal<float>({100000}, {1, 2});
  CHECK(noise[0] == random_normal<float>({1}, {1, 2})[0]);
  const Var<double> x = Var<double>::parameter(Tensor<double>::ones({3}));
  CHECK(gradient(sum(x * x), {x})[0].value()[2] == 2);
}

void products() {
  const SingleThreadedBlas guard;
  const auto a = Tensor<float>::ones({96, 96});
  CHECK(matmul(a, a)[17] == 96);
}

void serial_work() {
  CHECK(thread_count() == 1);
  work();
  products();
  set_thread_count(4);  // without effect
  work();
  CHECK(thread_count() == 1);
}

struct Host {
  Host() { work(); }
  ~Host() {
    work();
    products();
    set_thread_count(3);
    ThreadPool own(3);
    std::atomic<int> sum = 0;
    own.run(9, [&](std::size_t i) { sum += static_cast<int>(i); });
    CHECK(sum == 36);
  }
  Tensor<float> tensor = Tensor<float>::ones({1000});
  Var<double> graph = sum(exp(Var<double>::parameter(Tensor<double>::ones({10}))));
};

// Before main, and destroyed after everything that main makes.
Host before_main;
thread_local Tensor<float> of_a_thread;
// Whether a static destructor of the library came and went does not matter to later ones.
ThreadPool pool_of_the_host(3);

// Ends like `child` in a process of its own.
template <class Child>
int status_of(Child child) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(20);
    child();
    _exit(0);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

void threads_are_there() {
  set_thread_count(4);
  work();
  usleep(20000);  // they have gone to sleep
}

void statics() {
  static Host later;  // destroyed before the library's own statics and before before_main
  of_a_thread = Tensor<float>::ones({77});
  threads_are_there();
}

void exit_handlers() {
  std::atexit([] { work(); });
  threads_are_there();
  std::atexit([] {
    work();
    set_thread_count(2);
    work();
  });
}

void exit_in_a_loop(std::size_t at) {
  threads_are_there();
  parallel_for(64, [&](std::size_t i) {
    usleep(500);
    if (i == at) std::exit(0);
  });
  CHECK(false);
}

void exit_in_a_loop_of_the_host() {
  pool_of_the_host.run(64, [](std::size_t i) {
    usleep(500);
    if (i == 40) std::exit(0);
  });
}

// Another thread ends the process while loops run.
void exit_beside(const std::function<void()>& busy) {
  threads_are_there();
  std::thread([] {
    usleep(50000);
    std::exit(0);
  }).detach();
  while (true) busy();
}

void end_beside_a_loop() {
  threads_are_there();
  for (int k = 0; k < 2; ++k)
    std::thread([] {
      while (true) work();  // without products: OpenBLAS itself is gone at the end
    }).detach();
  usleep(50000);
}

void exit_while_threads_are_set() {
  threads_are_there();
  std::thread([] {
    for (std::size_t n = 1;; ++n) set_thread_count(2 + n % 3);
  }).detach();
  for (int i = 0;; ++i)
    parallel_for(64, [&](std::size_t k) {
      if (i == 100 && k == 30) std::exit(0);
    });
}

void fork_and_exit() {
  threads_are_there();
  CHECK(status_of([] { std::exit(0); }) == 0);
  CHECK(status_of([] { execl("/bin/true", "true", nullptr); }) == 0);
  work();
}

void fork_and_work() {
  ThreadPool pool(3);
  threads_are_there();
  CHECK(status_of([&] {
          work();
          CHECK(task_count() == 1);
          CHECK(pool.thread_count() == 1);
          std::atomic<int> sum = 0;
          pool.run(9, [&](std::size_t i) { sum += static_cast<int>(i); });
          CHECK(sum == 36);
          pool.~ThreadPool();
          CHECK(task_count() == 1);
          serial_work();
          CHECK(status_of(serial_work) == 0);  // a grandchild
          std::thread(serial_work).join();
          std::exit(0);
        }) == 0);
  CHECK(thread_count() == 4);
  work();
}

void fork_in_a_loop() {
  threads_are_there();
  std::atomic<int> wrong = 0;
  parallel_for(16, [&](std::size_t i) {
    wrong += status_of([i] {
               serial_work();
               i % 2 == 0 ? _exit(0) : std::exit(0);
             }) != 0;
  });
  CHECK(wrong == 0);
  work();
}

// A child that comes back into the loop has no other threads to wait for.
void fork_and_return() {
  threads_are_there();
  const pid_t parent = getpid();
  std::atomic<int> wrong = 0, thrown = 0;
  try {
    parallel_for(4, [&](std::size_t) {
      usleep(2000);  // so that others have an index, too
      const pid_t pid = fork();
      if (pid == 0) {
        alarm(20);
        return;
      }
      int status = -1;
      waitpid(pid, &status, 0);
      wrong += status != 0;
    });
  } catch (const Error&) {
    ++thrown;
  }
  if (getpid() != parent) std::exit(0);
  CHECK(wrong == 0);
  CHECK(thrown == 0);
}

// Without products: OpenBLAS has a lock of its own that a fork can leave locked, while another
// thread sets its threads.
void fork_beside_loops() {
  std::atomic<bool> stop = false;
  std::vector<std::thread> hosts;
  for (int k = 0; k < 2; ++k)
    hosts.emplace_back([&] {
      while (!stop) work();
    });
  hosts.emplace_back([&] {
    for (std::size_t n = 1; !stop; ++n) {
      set_thread_count(2 + n % 3);
      CHECK(thread_count() >= 1);
    }
  });
  for (int i = 0; i < 50; ++i)
    CHECK(status_of([] {
            serial_work();
            std::exit(0);
          }) == 0);
  stop = true;
  for (std::thread& host : hosts) host.join();
}

void threads_that_come_and_go() {
  threads_are_there();
  const long before = task_count();
  for (int i = 0; i < 300; ++i) {
    std::thread([i] {
      work();
      of_a_thread = Tensor<float>::ones({100});  // dies with the thread
      ThreadPool pool(2);
      pool.run(4, [](std::size_t) {});
      if (i % 7 == 0) pthread_exit(nullptr);
    }).join();
  }
  CHECK(task_count() == before);
  // What threads had cached is given back: of a hundred blocks of 8 MB, few are still there.
  long kilobytes = 0;
  for (int i = 0; i < 100; ++i) std::thread([] { Tensor<float>::ones({1 << 21}); }).join();
  std::FILE* const statm = std::fopen("/proc/self/statm", "r");
  CHECK(statm != nullptr && std::fscanf(statm, "%*s %ld", &kilobytes) == 1);
  std::fclose(statm);
  kilobytes *= sysconf(_SC_PAGESIZE) / 1024;
  CHECK(kilobytes < 400 * 1024);
}

// musl gives threads 128 KB.
void small_stacks() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setstacksize(&attributes, 128 * 1024) == 0);
  pthread_t thread;
  const auto body = [](void*) -> void* {
    work();
    const Var<double> x = Var<double>::parameter(Tensor<double>::scalar(0.5));
    Var<double> y = x * 1.0;
    for (int i = 0; i < 50000; ++i) y = y + y * 1e-6;
    const Var<double> g = gradient(y, {x}, true)[0];
    CHECK(std::isfinite(gradient(g * g, {x})[0].item()));
    const Tensor<double> covariance = Tensor<double>::matrix({{4, 2}, {2, 3}});
    CHECK(std::abs(cholesky(covariance)(0, 0) - 2) < 1e-15);
    return nullptr;
  };
  CHECK(pthread_create(&thread, &attributes, body, nullptr) == 0);
  CHECK(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
}

}  // namespace

int main(int count, char** arguments) {
  alarm(50);
  const std::map<std::string, std::function<void()>> situations = {
      {"statics", statics},
      {"exit_handlers", exit_handlers},
      {"exit_in_a_loop_at_once", [] { exit_in_a_loop(0); }},
      {"exit_in_a_loop", [] { exit_in_a_loop(20); }},
      {"exit_in_the_last_index", [] { exit_in_a_loop(63); }},
      {"exit_in_a_loop_of_the_host", exit_in_a_loop_of_the_host},
      {"exit_beside_loops", [] { exit_beside(work); }},
      {"exit_beside_a_long_loop",
       [] { exit_beside([] { parallel_for(1000000, [](std::size_t) { usleep(1000); }); }); }},
      {"end_beside_a_loop", end_beside_a_loop},
      {"exit_while_threads_are_set", exit_while_threads_are_set},
      {"fork_and_exit", fork_and_exit},
      {"fork_and_work", fork_and_work},
      {"fork_in_a_loop", fork_in_a_loop},
      {"fork_and_return", fork_and_return},
      {"fork_beside_loops", fork_beside_loops},
      {"threads_that_come_and_go", threads_that_come_and_go},
      {"small_stacks", small_stacks}};
  const auto found = situations.find(count == 2 ? arguments[1] : "");
  if (found == situations.end()) {
    for (const auto& [name, run] : situations) std::printf("%s\n", name.c_str());
    return 2;
  }
  found->second();
  return 0;
}
