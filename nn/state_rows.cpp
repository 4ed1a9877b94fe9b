#include "papillon/nn/state_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "papillon/tensor/hash.hpp"

namespace papillon {
namespace {

// A whole number of the groups in which a climatology adds rows: its bits are those of one block.
constexpr std::uint64_t block_rows = 1 << 16;

}  // namespace

TensorRows::TensorRows(const Tensor<float>& states)
    : data_(states.data()),
      rows_(states.empty() ? 0 : states.size() / states.shape().back()),
      width_(states.rank() == 0 ? 0 : states.shape().back()) {}

void TensorRows::read(std::uint64_t first, std::size_t n, float* out) const {
  std::copy_n(data_ + first * width_, n * width_, out);
}

NpyRows::NpyRows(const std::filesystem::path& path)
    : file_(path), width_(file_.shape().size() < 2 ? 1 : file_.shape().back()) {
  rows_ = width_ == 0 ? 0 : element_count(file_.shape()) / width_;
}

void NpyRows::read(std::uint64_t first, std::size_t n, float* out) const {
  file_.read_at(first * width_, std::span(out, n * width_));
}

void for_each_block(const StateRows& source,
                    const std::function<void(std::uint64_t, std::span<const float>)>& f) {
  const std::uint64_t rows = source.rows();
  const std::size_t width = source.width();
  std::vector<float> block(static_cast<std::size_t>(std::min(rows, block_rows)) * width);
  for (std::uint64_t first = 0; first < rows; first += block_rows) {
    const auto n = static_cast<std::size_t>(std::min(block_rows, rows - first));
    source.read(first, n, block.data());
    f(first, std::span<const float>(block).first(n * width));
  }
}

std::uint64_t check_rows(const StateRows& source, const Normalisation& units,
                         std::string_view what) {
  units.check(what);
  const std::size_t d = units.dimension();
  if (source.rows() == 0 || source.width() != d)
    throw InputError(fmt::format("{}: {} states of {} components (of {} are needed)", what,
                                 source.rows(), source.width(), d));
  Fnv1a hash;
  for_each_block(source, [&](std::uint64_t first, std::span<const float> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]))
        throw InputError(fmt::format("{}: state {}, component {} is {} (finite values are needed)",
                                     what, first + i / d, i % d, values[i]));
      hash.add(std::bit_cast<std::uint32_t>(values[i]));
    }
  });
  return hash.value;
}

}  // namespace papillon
