// Where results go. A run that could not write them is refused before it begins, and a directory
// that nothing came into goes away again.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "papillon/apps/command.hpp"

namespace papillon::apps {

// Throw OutputError that names the option where a file, or a directory that is to be made with all
// its parents, could not be written there: a folder that is missing, read-only or in a file's
// place. Nothing is written to find out; what only writing shows (a full disk) shows later. An
// empty path is an output that is not wanted.
void require_writable_file(const std::filesystem::path& file, const char* option);
void require_writable_directory(const std::filesystem::path& directory, const char* option);

// Of the options whose roles are input and output: throws InputError for an input that is there and
// is no regular file (a folder, a pipe that nobody may write to), and UsageError that names both
// options where one is a file to be written and the other one that is read, or is written, too.
void check_files(std::span<const Option> options);

// The directory of a run with its config.toml: the resolved configuration (which --config reads
// again), seed, version and commit. To be made once all arguments and inputs are checked. Unless
// something else has come into it, a directory that this made is removed again at the end.
class OutputDirectory {
 public:
  // Throws OutputError.
  OutputDirectory(const Context& context, const std::filesystem::path& directory);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

 private:
  void make(const Context& context);
  void remove_if_empty();

  std::filesystem::path directory_, made_;  // made_: the outermost one that was not there; or none
};

}  // namespace papillon::apps
