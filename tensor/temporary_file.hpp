// The temporary file beside its target that an AtomicFile writes: its name, the lock that shows
// that its process is alive, and the removal of files that killed processes left behind.
#pragma once

#include <filesystem>

namespace papillon {

// <target>.papillon-<boot>-<pid>-<serial>.tmp, open for reading and writing and locked for as long
// as this object lives. Once in each folder it first removes the files of that pattern that a
// killed process has left: nobody holds the lock, and they are of this boot of this kernel, or no
// one has touched them for a day (another machine, whose locks may not be seen here, may share the
// folder).
class TemporaryFile {
 public:
  // On failure fd() is negative and errno says why.
  explicit TemporaryFile(const std::filesystem::path& target);
  ~TemporaryFile();  // closes nothing; removes the file unless it was renamed
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  // Its descriptor and its path.
  int fd() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }
  // Puts it in the place of the target; false: errno says why.
  bool rename_to(const std::filesystem::path& target);

 private:
  struct Listed;
  friend void remove_temporary_files() noexcept;
  static Listed* list(const std::filesystem::path& path);
  static void forget(Listed* entry) noexcept;

  std::filesystem::path path_;
  int fd_ = -1;
  Listed* listed_ = nullptr;
};

// Removes the temporary files that this process has open. For a host that ends at once: it may be
// called in a signal handler, and _exit() should follow.
void remove_temporary_files() noexcept;

}  // namespace papillon
