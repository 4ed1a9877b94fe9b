// The identity of a run: the settings and the contents of the files that its results depend on.
//
//   FileDigests digests;
//   const RunSettings identity = run_identity(options, digests);
//   if (const auto before = read_stored(file, "results"); before && before->identity == identity)
//     ... the run was finished before: before->content ...
//   write_stored(file, identity, {{"results", ...}});
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "papillon/apps/command.hpp"
#include "papillon/nn/run_settings.hpp"

namespace papillon::apps {

// 64 bits of a file's contents, each file read once. Not cryptographic.
class FileDigests {
 public:
  const std::string& operator()(const std::string& path);

 private:
  std::map<std::string, std::string> digests_;
};

// {"random_streams": version, "data/test.nc": digest, ...}: of the files that the values of used
// options with Role::input name. Without `except`: roles whose options are left out.
Json input_digests(std::span<const Option> options, FileDigests& digests,
                   Role except = Role::setting);

// {"--members", "12"}, ..., {"file data/test.nc", digest}: of every option that is used and has a
// value, but outputs, display and transient ones, and those with one of the roles `except`.
RunSettings run_identity(std::span<const Option> options, FileDigests& digests,
                         Role except = Role::setting);

// A result in a file, with the identity of its run.
struct Stored {
  RunSettings identity;
  Json content;
};
// None where the file is missing, is no JSON, or has no `key`. A file without an identity has an
// empty one, which is that of no run.
std::optional<Stored> read_stored(const std::filesystem::path& file, const char* key);
void write_stored(const std::filesystem::path& file, const RunSettings& identity, Json content);

// Throws InputError if what a directory holds is of another run: what took hours is not lost to a
// slip. ignored: options that a run may change when it goes on.
void refuse_other_run(const std::filesystem::path& directory, RunSettings stored,
                      RunSettings identity, std::span<const Option> ignored);

// Moves the directory to NAME.earlier, in place of what is there. Throws OutputError.
void keep_earlier(const std::filesystem::path& directory);

}  // namespace papillon::apps
