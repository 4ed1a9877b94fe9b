// Atomic file replacement: written to a temporary file beside the target, then renamed.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

namespace papillon {

class TemporaryFile;

// Until commit() the target is unchanged; an AtomicFile that is destroyed without it leaves nothing
// behind, and the temporary file of a killed process is removed when a file is next written in its
// folder. A target that is a device or a pipe is written to directly; for a symbolic link, the file
// it points to is replaced. All functions throw OutputError, which names the target.
class AtomicFile {
 public:
  // Opens a temporary file in the folder of the target.
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Appends bytes.
  void write(const void* data, std::size_t bytes);
  // For what write() cannot do, such as seeking.
  std::FILE* stream() { return stream_; }
  // For libraries that open files themselves: they write to this path and close it.
  const std::filesystem::path& temporary() const;
  // Puts the file on the disk and in its place.
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path target_;
  std::unique_ptr<TemporaryFile> temporary_;  // none: the target is written to directly
  std::FILE* stream_ = nullptr;
};

// Throws OutputError.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents);

}  // namespace papillon
