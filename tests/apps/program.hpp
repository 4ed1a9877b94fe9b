// Runs the program as a user would: in a directory of its own, through the shell.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace papillon::test {

namespace fs = std::filesystem;

inline std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct Outcome {
  int code;
  std::string out, err;
};

class Workplace {
 public:
  Workplace() {
    std::string name = (fs::temp_directory_path() / "papillon-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  fs::path operator/(const std::string& name) const { return path_ / name; }

  // A script in which $P is the program.
  Outcome shell(const std::string& script) const {
    write_text(path_ / ".script", "P='" PAPILLON_PROGRAM "'\n" + script + "\n");
    const std::string command = "cd '" + path_.string() + "' && sh .script >.out 2>.err </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(path_ / ".out"),
            read_text(path_ / ".err")};
  }
  Outcome papillon(const std::string& arguments) const { return shell("\"$P\" " + arguments); }

 private:
  fs::path path_;
};

}  // namespace papillon::test
