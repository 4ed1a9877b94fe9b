#include "papillon/tensor/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "papillon/tensor/errors.hpp"

namespace papillon {
namespace fs = std::filesystem;
namespace {

// Puts a file's data, or a folder's names, on the disk.
bool sync_path(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  return done;
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  std::error_code error;
  fs::path place = target_;
  if (fs::is_symlink(place, error)) place = fs::weakly_canonical(place, error);
  if (place.filename().empty() || fs::is_directory(place, error)) {
    throw OutputError(
        fmt::format("cannot write '{}': it is a folder; give a file's name", target_.string()));
  }
  direct_ = fs::exists(place, error) && !fs::is_regular_file(place, error);
  target_ = place;
  if (direct_) {
    temporary_ = target_;
    stream_ = std::fopen(temporary_.c_str(), "wb");
  } else {
    static std::atomic<unsigned> serial = 0;
    int fd = -1;
    for (int attempt = 0; fd < 0 && attempt < 100; ++attempt) {
      temporary_ = target_;
      temporary_ += fmt::format(".{}-{}.tmp", ::getpid(), serial++);
      fd = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (fd < 0 && errno != EEXIST) break;
    }
    if (fd >= 0) stream_ = ::fdopen(fd, "wb");
  }
  if (stream_ == nullptr) fail("cannot create");
}

AtomicFile::~AtomicFile() {
  if (stream_ == nullptr) return;
  std::fclose(stream_);
  std::error_code ignored;
  if (!direct_) fs::remove(temporary_, ignored);
}

void AtomicFile::fail(const char* what) const {
  throw OutputError(
      fmt::format("{} '{}': {}", what, target_.string(), std::generic_category().message(errno)));
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  if (stream_ == nullptr) {
    throw OutputError(fmt::format("cannot write '{}': it is committed", target_.string()));
  }
  if (bytes > 0 && std::fwrite(data, 1, bytes, stream_) != bytes) fail("cannot write");
}

void AtomicFile::commit() {
  if (stream_ == nullptr) return;
  if (std::fflush(stream_) != 0) fail("cannot write");
  if (direct_) {
    if (std::fclose(std::exchange(stream_, nullptr)) != 0) fail("cannot write");
    return;
  }
  if (!sync_path(temporary_, O_RDONLY)) fail("cannot write");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot replace");
  std::fclose(std::exchange(stream_, nullptr));  // all is on the disk: nothing left that could fail
  // The name is best effort: some file systems cannot sync a folder.
  sync_path(target_.has_parent_path() ? target_.parent_path() : fs::path("."),
            O_RDONLY | O_DIRECTORY);
}

void write_file_atomically(const fs::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents.data(), contents.size());
  file.commit();
}

}  // namespace papillon
