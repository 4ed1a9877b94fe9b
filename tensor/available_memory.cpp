#include "papillon/tensor/available_memory.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "papillon/tensor/errors.hpp"

namespace papillon {
namespace {

namespace fs = std::filesystem;
constexpr double unknown = std::numeric_limits<double>::infinity();

// The only number in a file ("max" is none), or the one that follows a key.
double number_in(const fs::path& file, const std::string& key = {}) {
  std::ifstream in(file);
  double number = 0;
  if (key.empty()) return in >> number ? number : unknown;
  for (std::string word; in >> word;)
    if (word == key && in >> number) return number;
  return unknown;
}

double left_in_machine() {
  const double free = number_in("/proc/meminfo", "MemAvailable:"),
               swap = number_in("/proc/meminfo", "SwapFree:");
  return 1024 * (free + (swap == unknown ? 0 : swap));
}

// What a group may still allocate. The kernel frees inactive pages of files for it.
double left_in_group(const fs::path& group, bool v2) {
  const double limit = number_in(group / (v2 ? "memory.max" : "memory.limit_in_bytes")),
               used = number_in(group / (v2 ? "memory.current" : "memory.usage_in_bytes")),
               idle =
                   number_in(group / "memory.stat", v2 ? "inactive_file" : "total_inactive_file");
  if (limit == unknown || used == unknown) return unknown;
  return std::max(0.0, limit - used + (idle == unknown ? 0 : std::min(idle, used)));
}

// The least over the groups that this process is in, up to the root. In a container the path may be
// that of the host, and the root what there is to see.
double left_in_groups() {
  double least = unknown;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // id:controllers:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers != "memory") continue;
    const bool v2 = controllers.empty();
    const fs::path root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    for (fs::path path = line.substr(second + 1);; path = path.parent_path()) {
      least = std::min(least, left_in_group(root / path.relative_path(), v2));
      if (!path.has_relative_path()) break;
    }
  }
  return least;
}

double left_of_address_space() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return unknown;
  const double pages = number_in("/proc/self/statm");
  const double used = pages == unknown ? 0 : pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return std::max(0.0, static_cast<double>(limit.rlim_cur) - used);
}

}  // namespace

double available_memory() {
  return std::min({left_in_machine(), left_in_groups(), left_of_address_space()});
}

void require_memory(double bytes, const std::string& what) {
  const double available = available_memory();
  if (bytes > available)
    throw InputError(fmt::format("{} needs {:.3g} GB of memory; {:.3g} GB are available", what,
                                 bytes / 1e9, available / 1e9));
}

}  // namespace papillon
