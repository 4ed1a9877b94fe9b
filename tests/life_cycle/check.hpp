// Checks that work in any process, before main and after it: a failure ends the process at once.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: failed in process %d: %s\n", __FILE__, __LINE__, \
                   static_cast<int>(getpid()), #condition);                         \
      _exit(1);                                                                     \
    }                                                                               \
  } while (false)

// The threads of this process.
inline long task_count() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}
