#include "papillon/tensor/available_memory.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "papillon/tensor/errors.hpp"

namespace papillon {
namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

// The number that a file of the kernel begins with; "max" and files that are not there: unlimited.
double first_number(const char* path) {
  std::ifstream file(path);
  double value = 0;
  return file >> value ? value : unlimited;
}

double free_in_machine() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    double kilobytes = 0;
    if (word == "MemAvailable:" && file >> kilobytes) return 1024 * kilobytes;
  }
  return unlimited;
}

double free_address_space() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return unlimited;
  const double pages = first_number("/proc/self/statm");
  const double used = pages < unlimited ? pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) : 0;
  return std::max(0.0, static_cast<double>(limit.rlim_cur) - used);
}

}  // namespace

double available_memory() {
  // Version 2 of control groups, then 1, as a container sees its own.
  return std::min({free_in_machine(), first_number("/sys/fs/cgroup/memory.max"),
                   first_number("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
                   free_address_space()});
}

void require_memory(double bytes, const std::string& what) {
  const double available = available_memory();
  if (bytes > available)
    throw InputError(fmt::format("{} needs {:.3g} GB of memory; {:.3g} GB are available", what,
                                 bytes / 1e9, available / 1e9));
}

}  // namespace papillon
