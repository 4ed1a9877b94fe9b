#include "papillon/apps/gnuplot.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>

#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

extern char** environ;

namespace papillon::apps {
namespace {

// Without a name, so that it is gone whenever this process and gnuplot are.
struct UnnamedFile {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::tmpfile(), &std::fclose};
  UnnamedFile() {
    if (!file) throw OutputError(fmt::format("no temporary file: {}", std::strerror(errno)));
  }
  int fd() const { return ::fileno(file.get()); }
};

// gnuplot with these as its standard input, output and error; its status, as waitpid() gives it.
int run_gnuplot(int in, int out, int err) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  const int fds[] = {in, out, err};
  for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&files, fds[i], i);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::string name = "gnuplot";
  char* const arguments[] = {name.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawnp(&child, name.c_str(), &files, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0)
    throw OutputError(fmt::format("gnuplot could not be started: {}", std::strerror(failed)));
  set_child(child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  set_child(0);
  return status;
}

void draw_with(const char* terminal, const GnuplotFigure& figure, const std::string& path) {
  UnnamedFile script, messages;
  std::string text = fmt::format("set terminal {} size {},{} font 'sans,13' background '#ffffff'\n",
                                 terminal, figure.width, figure.height);
  for (const auto& [name, rows] : figure.data)
    text += fmt::format("${} << END_OF_DATA\n{}\nEND_OF_DATA\n", name, rows);
  text += figure.script;
  if (std::fwrite(text.data(), 1, text.size(), script.file.get()) != text.size() ||
      std::fflush(script.file.get()) != 0)
    throw OutputError(fmt::format("{}: no temporary file: {}", path, std::strerror(errno)));
  std::rewind(script.file.get());
  AtomicFile output(path);
  const int out = ::fileno(output.stream());
  const int failed = run_gnuplot(script.fd(), out, messages.fd());
  struct stat drawn = {};
  if (failed == 0 && ::fstat(out, &drawn) == 0 && drawn.st_size > 0) return output.commit();
  std::string message(4096, '\0');
  std::rewind(messages.file.get());
  message.resize(std::fread(message.data(), 1, message.size(), messages.file.get()));
  throw OutputError(fmt::format("{}: gnuplot failed: {}", path, message));
}

}  // namespace

void require_gnuplot() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/gnuplot").c_str(), X_OK) == 0) return;
  throw InputError(
      "gnuplot, which draws the figures, is not installed (Debian: apt install gnuplot-nox); "
      "leave out the figure to do without");
}

void require_figure(const std::filesystem::path& stem, const char* option) {
  if (stem.empty()) return;
  for (const char* extension : {".png", ".svg"})
    require_writable_file(stem.string() + extension, option);
  require_gnuplot();
}

void GnuplotFigure::draw(const std::filesystem::path& stem) const {
  draw_with("pngcairo", *this, stem.string() + ".png");
  draw_with("svg", *this, stem.string() + ".svg");
}

}  // namespace papillon::apps
