// Runs a fuzz target without libFuzzer: over a corpus and deterministic mutations of it.
// Usage: fuzz_x CORPUS_FOLDER [MUTATIONS_PER_FILE]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

void mutate(Bytes& bytes, std::mt19937_64& random) {
  const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
  const auto value = static_cast<std::uint8_t>(random());
  const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (random() % 6) {
    case 0:
      if (!bytes.empty()) bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1u << (value % 8)));
      break;
    case 1:
      if (!bytes.empty()) bytes[at] = value;
      break;
    case 2:
      bytes.insert(place, value);
      break;
    case 3:
      bytes.resize(at);
      break;
    case 4:
      if (!bytes.empty())
        bytes[at] = static_cast<std::uint8_t>("0987654321,:[]{}()'\" -"[value % 22]);
      break;
    default: {  // a piece of the file once more
      const Bytes piece(place, place + std::min<std::ptrdiff_t>(value % 32, bytes.end() - place));
      const auto to = static_cast<std::ptrdiff_t>(random() % (bytes.size() + 1));
      bytes.insert(bytes.begin() + to, piece.begin(), piece.end());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const unsigned long mutations = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1000;
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(argv[1]))
    files.push_back(file.path());
  std::sort(files.begin(), files.end());
  std::mt19937_64 random(1);
  for (const auto& path : files) {
    std::ifstream in(path, std::ios::binary);
    const Bytes seed{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    Bytes bytes = seed;
    try {
      for (unsigned long i = 0; i <= mutations; ++i) {
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        bytes = seed;
        for (std::uint64_t n = random() % 4; n < 4; ++n) mutate(bytes, random);
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s, mutated: %s\n", path.c_str(), error.what());
      std::ofstream("crash.bin", std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
      return 1;
    }
  }
  std::printf("%zu files, %lu mutations each\n", files.size(), mutations);
  return files.empty() ? 1 : 0;
}
