#include "papillon/tensor/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/temporary_file.hpp"

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
  const bool direct = fs::exists(place, error) && !fs::is_regular_file(place, error);
  target_ = place;
  if (direct) {
    stream_ = std::fopen(target_.c_str(), "wb");
  } else {
    temporary_ = std::make_unique<TemporaryFile>(target_);
    if (temporary_->fd() >= 0) stream_ = ::fdopen(temporary_->fd(), "wb");
  }
  if (stream_ == nullptr) fail("cannot create");
}

AtomicFile::~AtomicFile() {
  temporary_.reset();  // while it is locked: else another process could remove it as an orphan
  if (stream_ != nullptr) std::fclose(stream_);
}

const fs::path& AtomicFile::temporary() const {
  return temporary_ ? temporary_->path() : target_;
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
  if (!temporary_) {
    if (std::fclose(std::exchange(stream_, nullptr)) != 0) fail("cannot write");
    return;
  }
  if (!sync_path(temporary_->path(), O_RDONLY)) fail("cannot write");
  if (!temporary_->rename_to(target_)) fail("cannot replace");
  std::fclose(std::exchange(stream_, nullptr));  // all data are on the disk: cannot fail any more
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
