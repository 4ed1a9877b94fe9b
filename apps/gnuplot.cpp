#include "papillon/apps/gnuplot.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

void run_gnuplot(const std::filesystem::path& script_file, const std::filesystem::path& output) {
  const std::string command = fmt::format("gnuplot '{}' 2>&1", script_file.string());
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

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "papillon-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw OutputError(fmt::format("{}: cannot make this directory", name));
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void draw_figure(const std::filesystem::path& stem, int width, int height,
                 const std::function<std::string(const std::string& head)>& script) {
  const TemporaryDirectory directory;
  for (const auto& [extension, terminal] :
       {std::pair{".png", "pngcairo"}, std::pair{".svg", "svg"}}) {
    AtomicFile output(stem.string() + extension);
    const auto file = directory / (std::string("figure") + extension + ".gp");
    const std::string head = fmt::format(
        "set terminal {} size {},{} font 'sans,13' background '#ffffff'\n"
        "set output '{}'\n",
        terminal, width, height, output.temporary().string());
    write_file_atomically(file, script(head) + "set output\n");
    run_gnuplot(file, output.temporary());
    output.commit();
  }
}

}  // namespace papillon::apps
