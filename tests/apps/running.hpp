// The program in the background, to be sent signals: without a shell, which would have it ignore
// SIGINT.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "apps/program.hpp"

extern char** environ;

namespace papillon::test {

inline void wait_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

class Running {
 public:
  // Arguments without blanks in them. stdout and stderr go to .out and .err in the folder.
  Running(const ProgramFolder& folder, const std::string& arguments) {
    std::vector<std::string> words = {PAPILLON_PROGRAM};
    std::istringstream text(arguments);
    for (std::string word; text >> word;) words.push_back(word);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = (folder / ".out").string(), err = (folder / ".err").string();
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    constexpr int create = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&files, 1, out.c_str(), create, 0666);
    posix_spawn_file_actions_addopen(&files, 2, err.c_str(), create, 0666);
    const fs::path here = fs::current_path();
    fs::current_path(folder.path());
    const int failed = posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ);
    fs::current_path(here);
    posix_spawn_file_actions_destroy(&files);
    if (failed != 0) throw std::runtime_error("the program does not start");
  }
  ~Running() {
    if (pid_ > 0) {
      send(SIGKILL);
      wait(10);
    }
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }
  // The most memory that it had, in bytes; once it has ended.
  double peak_memory() const { return 1024.0 * static_cast<double>(usage_.ru_maxrss); }
  // Its exit code; 128 + n for signal n, -1 if it is still there after so many seconds.
  int wait(double seconds) {
    int status = 0;
    for (double waited = 0; ::wait4(pid_, &status, WNOHANG, &usage_) == 0; waited += 0.005) {
      if (waited > seconds) return -1;
      wait_for(0.005);
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  rusage usage_ = {};
};

}  // namespace papillon::test
