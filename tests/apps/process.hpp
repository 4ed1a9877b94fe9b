// Runs the program with limits: of time, after which it is interrupted, and of memory, so that a
// request for too much fails at once.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "temporary_folder.hpp"

namespace papillon::test {

using Environment = std::map<std::string, std::string>;

struct Ended {
  int code = -1;    // of exit(); -1: a signal ended it
  int signals = 0;  // that it was sent: SIGINT, once more, SIGKILL
  std::string out, err;
};

// In the folder; what it prints goes to a folder of its own.
inline Ended run_limited(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                         const Environment& environment, double seconds) {
  const TemporaryFolder printed;
  const std::string out = (printed / "out").string(), err = (printed / "err").string();
  std::vector<std::string> words = {PAPILLON_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
#if !defined(PAPILLON_SANITIZED)
    const rlimit memory = {rlim_t{8} << 30, rlim_t{8} << 30};
    ::setrlimit(RLIMIT_AS, &memory);
#endif
    const auto redirect = [](const char* path, int to, int flags) {
      ::dup2(::open(path, flags, 0600), to);
    };
    redirect("/dev/null", 0, O_RDONLY);
    redirect(out.c_str(), 1, O_WRONLY | O_CREAT);
    redirect(err.c_str(), 2, O_WRONLY | O_CREAT);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (::chdir(folder.path().c_str()) == 0) ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  Ended ended;
  using Clock = std::chrono::steady_clock;
  auto patience = std::chrono::duration<double>(seconds);
  auto since = Clock::now();
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    if (Clock::now() - since < patience) continue;
    ::kill(child, ended.signals < 2 ? SIGINT : SIGKILL);
    ++ended.signals;
    since = Clock::now();
    patience = std::chrono::duration<double>(4);
  }
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  ended.out = file_contents(out);
  ended.err = file_contents(err);
  return ended;
}

}  // namespace papillon::test
