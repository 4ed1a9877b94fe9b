// Files that appear whole or not at all: written beside their place, then renamed into it.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string_view>

namespace papillon {

// Until commit() the target is untouched; an AtomicFile that is destroyed without it leaves nothing
// behind. A target that is a device or a pipe is written to directly; a symbolic link stays one and
// the file it points to is replaced. All functions throw OutputError, which names the target.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  // For what write() cannot do, such as seeking.
  std::FILE* stream() { return stream_; }
  // For libraries that open files themselves: let them write to this path and close it.
  const std::filesystem::path& temporary() const { return temporary_; }
  // Puts the file on the disk and in its place.
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path target_, temporary_;
  std::FILE* stream_ = nullptr;
  bool direct_ = false;
};

void write_file_atomically(const std::filesystem::path& path, std::string_view contents);

}  // namespace papillon
