#include "papillon/tensor/temporary_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace papillon {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view name_mark = ".papillon-", name_end = ".tmp";

// The same in all containers of a kernel, and another after each start of it. Eight digits; zeros
// where there is no such file.
std::string boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id.size() < 8 ? "00000000" : id.substr(0, 8);
}

enum class Lock { held, busy, none };

// The lock belongs to the open file, so the kernel releases it however the process ends.
// HDF5 takes a lock of its own kind (flock) on the files that it opens. Where the two kinds meet,
// as on NFS, ours would exclude it: there we hold none, and no orphans are removed.
Lock lock_file(int fd, const fs::path& path) {
#ifdef F_OFD_SETLK
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &whole) != 0)
    return errno == EAGAIN || errno == EACCES ? Lock::busy : Lock::none;
  const int second = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  const bool apart = second >= 0 && ::flock(second, LOCK_EX | LOCK_NB) == 0;
  if (second >= 0) ::close(second);
  if (apart) return Lock::held;
  whole.l_type = F_UNLCK;
  ::fcntl(fd, F_OFD_SETLK, &whole);
#endif
  return Lock::none;
}

// Stays valid after a change of the working directory.
fs::path absolute_path(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return error ? path : whole;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// The boot id in a name of our pattern; empty for other names.
std::string_view boot_in(std::string_view name) {
  if (name.size() < name_end.size() || name.substr(name.size() - name_end.size()) != name_end)
    return {};
  name.remove_suffix(name_end.size());
  const std::size_t at = name.rfind(name_mark);
  if (at == name.npos || at == 0) return {};
  name.remove_prefix(at + name_mark.size());
  const std::size_t pid = name.find('-'), serial = name.rfind('-');
  if (pid != 8 || serial == pid || !is_number(name.substr(pid + 1, serial - pid - 1)) ||
      !is_number(name.substr(serial + 1)) ||
      name.substr(0, pid).find_first_not_of("0123456789abcdef") != name.npos)
    return {};
  return name.substr(0, pid);
}

void remove_if_orphan(const fs::path& path, bool this_boot) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return;
  constexpr std::time_t day = 86400;
  struct stat status;
  // A link is left when it has been renamed, or removed by another, between the scan and the lock.
  if (lock_file(fd, path) == Lock::held && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_nlink == 1 && (this_boot || std::time(nullptr) - status.st_mtime > day))
    ::unlink(path.c_str());
  ::close(fd);
}

// The folders searched last, so that many files in one folder need a single search. Without a
// constructor or destructor: files may be written before main and after it.
struct Folder {
  std::size_t name;  // its hash: a number of an inode is given to the next folder, too
  dev_t device;
  ino_t inode;
  bool operator==(const Folder&) const = default;
};
std::array<Folder, 64> searched{};
std::size_t next_folder = 0;
std::mutex folders;

bool first_time_in(const fs::path& folder) {
  struct stat status;
  if (::stat(folder.c_str(), &status) != 0) return false;
  const Folder it{fs::hash_value(absolute_path(folder)), status.st_dev, status.st_ino};
  const std::unique_lock guard(folders, std::try_to_lock);
  if (!guard.owns_lock()) return false;  // another thread searches; or locked at a fork, for good
  if (std::find(searched.begin(), searched.end(), it) != searched.end()) return false;
  searched[next_folder++ % searched.size()] = it;
  return true;
}

void remove_orphans(const fs::path& folder, const std::string& this_boot) {
  if (!first_time_in(folder)) return;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (const std::string_view boot = boot_in(name); !boot.empty())
      remove_if_orphan(entry->path(), boot == this_boot && boot != "00000000");
  }
}

}  // namespace

// A list that a signal handler may read: its elements are never freed, only reused. The thread that
// changes `free` or `listed` into `held` owns the element's path.
struct TemporaryFile::Listed {
  enum State { free, listed, held };
  std::atomic<State> state{held};
  char* path = nullptr;
  pid_t process = 0;  // a child after fork() is not to remove its parent's
  Listed* next = nullptr;
  static std::atomic<Listed*> first;
};
std::atomic<TemporaryFile::Listed*> TemporaryFile::Listed::first{nullptr};

TemporaryFile::Listed* TemporaryFile::list(const fs::path& path) {
  char* copy = ::strdup(absolute_path(path).c_str());
  if (copy == nullptr) throw std::bad_alloc();
  Listed* one = Listed::first;
  for (auto free = Listed::free; one != nullptr; one = one->next, free = Listed::free)
    if (one->state.compare_exchange_strong(free, Listed::held)) break;
  const bool fresh = one == nullptr;
  if (fresh) one = new Listed;
  one->path = copy;
  one->process = ::getpid();
  one->state = Listed::listed;
  if (fresh) {
    one->next = Listed::first;
    while (!Listed::first.compare_exchange_weak(one->next, one)) {
    }
  }
  return one;
}

void TemporaryFile::forget(Listed* entry) noexcept {
  auto listed = Listed::listed;
  if (!entry->state.compare_exchange_strong(listed, Listed::held)) return;
  std::free(entry->path);
  entry->state = Listed::free;
}

void remove_temporary_files() noexcept {
  using Listed = TemporaryFile::Listed;
  const pid_t self = ::getpid();
  for (Listed* one = Listed::first; one != nullptr; one = one->next) {
    auto listed = Listed::listed;
    if (one->state.compare_exchange_strong(listed, Listed::held) && one->process == self)
      ::unlink(one->path);
  }
}

TemporaryFile::TemporaryFile(const fs::path& target) {
  static std::atomic<unsigned> serial = 0;
  const std::string this_boot = boot_id();
  remove_orphans(target.has_parent_path() ? target.parent_path() : fs::path("."), this_boot);
  for (int attempt = 0; attempt < 100; ++attempt) {
    path_ = target;
    path_ += fmt::format("{}{}-{}-{}{}", name_mark, this_boot, ::getpid(), serial++, name_end);
    listed_ = list(path_);
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    struct stat status;
    // Before it was locked, another process may have removed it as an orphan.
    if (fd_ >= 0 && lock_file(fd_, path_) != Lock::busy && ::fstat(fd_, &status) == 0 &&
        status.st_nlink > 0)
      return;
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    forget(std::exchange(listed_, nullptr));
    errno = error;
    if (std::exchange(fd_, -1) < 0 && error != EEXIST) return;
  }
}

TemporaryFile::~TemporaryFile() {
  if (listed_ == nullptr) return;
  ::unlink(path_.c_str());
  forget(listed_);
}

bool TemporaryFile::rename_to(const fs::path& target) {
  if (::rename(path_.c_str(), target.c_str()) != 0) return false;
  forget(std::exchange(listed_, nullptr));
  return true;
}

}  // namespace papillon
