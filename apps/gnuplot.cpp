#include "papillon/apps/gnuplot.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

// A directory for gnuplot's input that goes away again.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "papillon-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw OutputError(fmt::format("{}: cannot make this directory", name));
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::string string() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

void run_gnuplot(const TemporaryDirectory& directory, const std::string& script,
                 const std::filesystem::path& output) {
  const std::string command =
      fmt::format("cd '{}' && gnuplot '{}' 2>&1", directory.string(), script);
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw OutputError("gnuplot could not be started");
  std::string message;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) message += static_cast<char>(c);
  if (pclose(pipe) != 0 || std::filesystem::file_size(output) == 0)
    throw OutputError(fmt::format("{}: gnuplot failed: {}", output.string(), message));
}

}  // namespace

void require_gnuplot() {
  if (std::system("command -v gnuplot >/dev/null 2>&1") != 0)
    throw InputError(
        "gnuplot, which draws the figures, is not installed (Debian: apt install gnuplot-nox); "
        "leave out the figure to do without");
}

void GnuplotFigure::draw(const std::filesystem::path& stem) const {
  TemporaryDirectory directory;
  for (const auto& [name, contents] : data) write_file_atomically(directory / name, contents);
  for (const auto& [extension, terminal] :
       {std::pair{".png", "pngcairo"}, std::pair{".svg", "svg"}}) {
    AtomicFile output(stem.string() + extension);
    const std::filesystem::path to = std::filesystem::absolute(output.temporary());
    write_file_atomically(
        directory / "script",
        fmt::format("set terminal {} size {},{} font 'sans,13' background '#ffffff'\n"
                    "set output '{}'\n{}\nset output\n",
                    terminal, width, height, to.string(), script));
    run_gnuplot(directory, "script", to);
    output.commit();
  }
}

}  // namespace papillon::apps
