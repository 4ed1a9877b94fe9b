#include "papillon/apps/outputs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "papillon/apps/build_info.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* option, const std::string& why) {
  throw OutputError(fmt::format("{} {}: cannot be written: {}", option, path.string(), why));
}

void require_names_in(const fs::path& folder, const fs::path& path, const char* option) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    fail(path, option,
         fmt::format("{} {}", folder.string(),
                     fs::exists(folder, error) ? "is no folder" : "is a folder that is missing"));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail(path, option,
         fmt::format("{}: {}", folder.string(), std::generic_category().message(errno)));
}

// The innermost folder of the path that is there.
fs::path existing_part(fs::path path) {
  std::error_code error;
  path = fs::absolute(path, error).lexically_normal();
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

}  // namespace

void require_writable_file(const fs::path& file, const char* option) {
  if (file.empty()) return;
  std::error_code error;
  // As AtomicFile writes: a link's target, a device or a pipe as it is, all else by renaming.
  const fs::path place = fs::is_symlink(file, error) ? fs::weakly_canonical(file, error) : file;
  if (place.filename().empty() || fs::is_directory(place, error))
    fail(file, option, "it is a folder; give a file's name");
  if (place.filename().native().size() > 200) fail(file, option, "its name is too long");
  if (fs::exists(place, error) && !fs::is_regular_file(place, error)) {
    if (::access(place.c_str(), W_OK) != 0)
      fail(file, option, std::generic_category().message(errno));
    return;
  }
  require_names_in(place.has_parent_path() ? place.parent_path() : fs::path("."), file, option);
}

void require_writable_directory(const fs::path& directory, const char* option) {
  if (!directory.empty()) require_names_in(existing_part(directory), directory, option);
}

void check_files(std::span<const Option> options) {
  struct File {
    const Option* option;
    fs::path path;
  };
  std::vector<File> files;
  std::error_code none;
  for (const Option& option : options) {
    if (!(option.is(Role::input) || option.is(Role::output)) || !option.is_used()) continue;
    for (const std::string& value : option.values())
      if (!value.empty() && value != "-") files.push_back({&option, value});
  }
  for (const auto& [option, path] : files)
    if (option->is(Role::input) && fs::exists(path, none) && !fs::is_regular_file(path, none))
      throw InputError(fmt::format("--{}: {} is {}; must be a regular file", option->name,
                                   path.string(),
                                   fs::is_directory(path, none) ? "a folder" : "a device or pipe"));
  const auto same = [&](const File& a, const File& b) {
    return (fs::is_regular_file(b.path, none) && fs::equivalent(a.path, b.path, none)) ||
           (b.option->is(Role::output) &&
            fs::weakly_canonical(a.path, none) == fs::weakly_canonical(b.path, none));
  };
  for (const File& output : files)
    for (const File& other : files)
      if (output.option->is(Role::output) && other.option != output.option && same(output, other))
        throw UsageError(fmt::format("--{} is the file of --{}, too: {}; give it a name of its own",
                                     output.option->name, other.option->name,
                                     output.path.string()));
}

OutputDirectory::OutputDirectory(const Context& context, const fs::path& directory)
    : directory_(directory) {
  std::error_code error;
  // The outermost folder that is new.
  for (fs::path path = fs::absolute(directory, error).lexically_normal();
       !fs::exists(path, error) && path.has_relative_path(); path = path.parent_path())
    made_ = path;
  try {
    make(context);
  } catch (...) {
    remove_if_empty();
    throw;
  }
}

void OutputDirectory::make(const Context& context) {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error || !fs::is_directory(directory_))
    throw OutputError(fmt::format("{}: cannot make this directory: {}", directory_.string(),
                                  error ? error.message() : "a file is in its place"));
  std::string text = fmt::format(
      "# The resolved configuration of this run; papillon {} --config reads it.\n"
      "# papillon {}, commit {}\n\n[{}]\n",
      context.command, program_version, program_commit, context.command);
  for (const auto& [key, value] : context.settings.items())
    // TOML has no integers of 2^63 or more; as text they are read.
    text += value.is_number_unsigned() && value.get<std::uint64_t>() >> 63 != 0
                ? fmt::format("{} = \"{}\"\n", key, value.dump())
                : fmt::format("{} = {}\n", key, value.dump());
  write_file_atomically(directory_ / "config.toml", text);
}

OutputDirectory::~OutputDirectory() {
  remove_if_empty();
}

void OutputDirectory::remove_if_empty() {
  if (made_.empty()) return;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error))
    if (entry.path().filename() != "config.toml") return;
  fs::remove(directory_ / "config.toml", error);
  // Upwards from the innermost that is there, as long as they are empty.
  for (fs::path path = fs::absolute(directory_, error).lexically_normal();;
       path = path.parent_path()) {
    if (fs::exists(path, error) && !fs::remove(path, error)) return;
    if (path == made_) return;
  }
}

}  // namespace papillon::apps
