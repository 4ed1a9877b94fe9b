#include "papillon/apps/figure.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "papillon/apps/gnuplot.hpp"

namespace papillon::apps {
namespace {

constexpr std::size_t bins = 300;

struct Axis {
  const char* name;
  double low, high;
};
constexpr std::array<Axis, 3> state_axes = {{{"x", -22, 22}, {"y", -30, 30}, {"z", 0, 52}}};
constexpr std::array<std::array<std::size_t, 2>, 3> projections = {{{0, 2}, {0, 1}, {1, 2}}};

// log10 of the states in each bin of a projection, as a share per thousand; "nan" (not drawn) where
// there is none. Rows of text: bins (vertical) by bins (horizontal).
std::string log_density(const Tensor<float>& states, const Axis& a, std::size_t i, const Axis& b,
                        std::size_t j) {
  std::vector<float> density(bins * bins);
  const std::size_t n = states.size() / 3;
  for (std::size_t row = 0; row < n; ++row) {
    const double u = (static_cast<double>(states[row * 3 + i]) - a.low) / (a.high - a.low);
    const double v = (static_cast<double>(states[row * 3 + j]) - b.low) / (b.high - b.low);
    if (!(u >= 0 && u < 1 && v >= 0 && v < 1)) continue;
    density[static_cast<std::size_t>(v * bins) * bins + static_cast<std::size_t>(u * bins)] += 1;
  }
  std::string text;
  for (std::size_t k = 0; k < density.size(); ++k) {
    text += density[k] > 0
                ? fmt::format("{:.5g}", std::log10(1000 * density[k] / static_cast<float>(n)))
                : "nan";
    text += (k + 1) % bins == 0 ? '\n' : ' ';
  }
  return text;
}

// A density too thin to see next to the others would fill the range of colours.
constexpr const char* density_style =
    "set multiplot layout 3,2 margins 0.085,0.885,0.055,0.955 spacing 0.095,0.065\n"
    "unset key\n"
    "set style line 1 lc rgb '#555555'\n"
    "set border ls 1 lw 0.8\n"
    "set tics out nomirror scale 0.6 textcolor rgb '#333333'\n"
    "set palette defined (0 '#dceaf6', 0.25 '#8cc0e0', 0.5 '#3787c0', 0.75 '#0b4b94', "
    "1 '#041f4a')\n"
    "set cbrange [-2.3:0.2]\n"
    "set cbtics ('0.01' -2, '0.1' -1, '1' 0)\n"
    "set cblabel 'share of states in a pixel (per thousand)' offset 1\n"
    "unset colorbox\n";

std::string script() {
  std::string text = density_style;
  for (std::size_t p = 0; p < projections.size(); ++p) {
    const Axis &a = state_axes[projections[p][0]], &b = state_axes[projections[p][1]];
    for (const char* set : {"true", "generated"}) {
      const bool generated = set[0] == 'g';
      text += p == 0 ? fmt::format("set title '{}' font ',17'\n",
                                   generated ? "Generated" : "Lorenz-63, integrated")
                     : "unset title\n";
      if (generated && p == 1) text += "set colorbox user origin 0.915,0.30 size 0.016,0.40\n";
      text += fmt::format(
          "set xlabel '{0} (dimensionless)' offset 0,0.4\nset ylabel '{1} (dimensionless)' offset "
          "1,0\nset xrange [{2}:{3}]\nset yrange [{4}:{5}]\n"
          "plot ${6}{7} matrix using ({8}+{9}*$1):({10}+{11}*$2):3 with image\nunset colorbox\n",
          a.name, b.name, a.low, a.high, b.low, b.high, set, p,
          a.low + (a.high - a.low) / (2 * bins), (a.high - a.low) / bins,
          b.low + (b.high - b.low) / (2 * bins), (b.high - b.low) / bins);
    }
  }
  return text + "unset multiplot\n";
}

}  // namespace

void draw_attractor(const std::filesystem::path& stem, const Tensor<float>& reference,
                    const Tensor<float>& generated) {
  GnuplotFigure figure;
  figure.width = 1240;
  figure.height = 1500;
  figure.script = script();
  for (std::size_t p = 0; p < projections.size(); ++p) {
    const auto [i, j] = projections[p];
    for (const auto& [set, states] :
         {std::pair{"true", &reference}, std::pair{"generated", &generated}})
      figure.data[fmt::format("{}{}", set, p)] =
          log_density(*states, state_axes[i], i, state_axes[j], j);
  }
  figure.draw(stem);
}

}  // namespace papillon::apps
