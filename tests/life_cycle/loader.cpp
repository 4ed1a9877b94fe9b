// Loads and unloads modules that contain the library:
//   loader <situation> <module a> <module b>
#include <dlfcn.h>
#include <sys/wait.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "check.hpp"

namespace {

struct Module {
  explicit Module(const char* file, int number)
      : path(file), expected(200.0 * number), handle(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) std::fprintf(stderr, "%s\n", dlerror());
    CHECK(handle != nullptr);
    run = reinterpret_cast<double (*)(int)>(dlsym(handle, "module_work"));
    CHECK(run != nullptr);
  }
  void work(int threads) const { CHECK(run(threads) == expected); }
  void unload() {
    CHECK(dlclose(handle) == 0);
    CHECK(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == nullptr);  // it is really gone
  }
  const char* path;
  double expected;
  void* handle;
  double (*run)(int);
};

void reload(const char* a, const char*) {
  for (int i = 0; i < 20; ++i) {
    Module module(a, 1);
    module.work(1 + i % 4);
    module.work(3);
    module.unload();
    CHECK(task_count() == 1);
  }
}

// A thread that used the module outlives it.
void reload_beside_a_thread(const char* a, const char*) {
  for (int i = 0; i < 5; ++i) {
    Module module(a, 1);
    std::mutex mutex;
    std::condition_variable changed;
    int stage = 0;
    const auto reach = [&](int next) {
      const std::lock_guard lock(mutex);
      stage = next;
      changed.notify_all();
    };
    const auto wait_for = [&](int wanted) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return stage >= wanted; });
    };
    std::thread user([&] {
      module.work(3);
      reach(1);
      wait_for(2);
    });
    wait_for(1);
    module.unload();
    CHECK(task_count() == 2);
    reach(2);
    user.join();
  }
}

void two_at_once(const char* a, const char* b) {
  Module first(a, 1), second(b, 2);
  std::thread user([&] {
    for (int i = 0; i < 50; ++i) second.work(2 + i % 2);
  });
  for (int i = 0; i < 50; ++i) first.work(2 + i % 2);
  user.join();
  first.unload();
  second.work(3);
  Module again(a, 1);
  again.work(2);
  second.unload();
  again.work(3);
  again.unload();
  CHECK(task_count() == 1);
}

void fork_with_a_module(const char* a, const char* b) {
  Module first(a, 1), second(b, 2);
  first.work(3);
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(20);
    first.work(3);
    CHECK(task_count() == 1);
    second.work(2);  // which nobody has used before: a copy of its own
    first.unload();
    second.unload();
    std::exit(0);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  CHECK(status == 0);
  first.unload();
  second.unload();
  CHECK(task_count() == 1);
}

}  // namespace

int main(int count, char** arguments) {
  alarm(50);
  CHECK(count == 4);
  const std::string situation = arguments[1];
  const auto run = situation == "reload"                   ? reload
                   : situation == "reload_beside_a_thread" ? reload_beside_a_thread
                   : situation == "two_at_once"            ? two_at_once
                   : situation == "fork_with_a_module"     ? fork_with_a_module
                                                           : nullptr;
  CHECK(run != nullptr);
  run(arguments[2], arguments[3]);
  return 0;
}
