// Runs the program as a user would: in a directory of its own, through the shell.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "temporary_folder.hpp"

namespace papillon::test {

namespace fs = std::filesystem;

struct Outcome {
  int code;
  std::string out, err;
};

class ProgramFolder : public TemporaryFolder {
 public:
  // A script in which $P is the program.
  Outcome shell(const std::string& script) const {
    put_file(path() / ".script", "P='" PAPILLON_PROGRAM "'\n" + script + "\n");
    const std::string command =
        "cd '" + path().string() + "' && sh .script >.out 2>.err </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, file_contents(path() / ".out"),
            file_contents(path() / ".err")};
  }
  Outcome papillon(const std::string& arguments) const { return shell("\"$P\" " + arguments); }
};

}  // namespace papillon::test
