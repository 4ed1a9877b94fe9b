#include "papillon/apps/experiment/identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/option_list.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/hash.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon::apps {

namespace fs = std::filesystem;

const std::string& FileDigests::operator()(const std::string& path) {
  std::string& digest = digests_[path];
  if (!digest.empty()) return digest;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> block(std::size_t{1} << 20);
  Fnv1a hash;
  std::uint64_t bytes = 0;
  while (file) {
    std::fill(block.begin(), block.end(), '\0');
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    for (std::size_t at = 0; at < count; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, block.data() + at, 8);
      hash.add(word);
      hash.value ^= hash.value >> 29;
    }
    bytes += count;
  }
  return digest = fmt::format("{:016x}-{}", hash.value, bytes);
}

Json input_digests(std::span<const Option> options, FileDigests& digests, Role except) {
  Json json = {{"random_streams", random_streams_version}};
  for (const Option& option : options) {
    if (!option.is(Role::input) || option.is(except | Role::transient) || !option.is_used())
      continue;
    std::error_code ignored;
    for (const std::string& value : option.values())
      if (fs::is_regular_file(value, ignored)) json[value] = digests(value);
  }
  return json;
}

RunSettings run_identity(std::span<const Option> options, FileDigests& digests, Role except) {
  RunSettings identity;
  for (const Option& option : options) {
    if (option.is(Role::output | Role::display | Role::transient | except) || !option.is_used() ||
        !has_value(option))
      continue;
    identity.emplace_back("--" + option.name, fmt::format("{}", fmt::join(option.values(), ",")));
  }
  const Json files = input_digests(options, digests, except);
  for (const auto& [file, digest] : files.items())
    identity.emplace_back("file " + file,
                          digest.is_string() ? digest.get<std::string>() : digest.dump());
  return identity;
}

std::optional<Stored> read_stored(const fs::path& file, const char* key) {
  std::ifstream in(file);
  Stored stored{{}, Json::parse(in, nullptr, false)};
  if (!stored.content.is_object() || !stored.content.contains(key)) return std::nullopt;
  const Json identity = stored.content.value("identity", Json::object());
  for (const auto& [name, value] : identity.items())
    stored.identity.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  return stored;
}

void write_stored(const fs::path& file, const RunSettings& identity, Json content) {
  Json& json = content["identity"] = Json::object();
  for (const auto& [name, value] : identity) json[name] = value;
  write_file_atomically(file, content.dump(2) + "\n");
}

void refuse_other_run(const fs::path& directory, RunSettings stored, RunSettings identity,
                      std::span<const Option> ignored) {
  for (RunSettings* settings : {&stored, &identity})
    std::erase_if(*settings, [&](const auto& setting) {
      return std::any_of(ignored.begin(), ignored.end(),
                         [&](const Option& option) { return setting.first == "--" + option.name; });
    });
  if (const auto differ = differences(stored, identity); !differ.empty())
    throw InputError(fmt::format("{}: holds another run ({}); choose another --out, or remove it",
                                 directory.string(), describe(differ)));
}

void keep_earlier(const fs::path& directory) {
  const fs::path earlier = directory.string() + ".earlier";
  const SaveInProgress moving;
  std::error_code failed;
  fs::remove_all(earlier, failed);
  fs::rename(directory, earlier, failed);
  if (failed)
    throw OutputError(fmt::format("{}: cannot be moved to {}: {}", directory.string(),
                                  earlier.string(), failed.message()));
}

}  // namespace papillon::apps
