// Rows that training reads by their number: in memory, or in a file larger than memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "papillon/nn/normalisation.hpp"
#include "papillon/tensor/npy.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon {

class StateRows {
 public:
  virtual ~StateRows() = default;
  virtual std::uint64_t rows() const = 0;
  virtual std::size_t width() const = 0;  // numbers of a row
  // Rows first ... first + n - 1 -> out [n, width]. Threads may call it at the same time. Throws
  // InputError where a file cannot be read any more.
  virtual void read(std::uint64_t first, std::size_t n, float* out) const = 0;
};

// The rows of a tensor [..., width], which must outlive this.
class TensorRows final : public StateRows {
 public:
  explicit TensorRows(const Tensor<float>& states);
  explicit TensorRows(const Tensor<float>&&) = delete;
  std::uint64_t rows() const override { return rows_; }
  std::size_t width() const override { return width_; }
  void read(std::uint64_t first, std::size_t n, float* out) const override;

 private:
  const float* data_;
  std::uint64_t rows_;
  std::size_t width_;
};

// The rows of an .npy file of shape [..., width], float or double, read as they are needed: takes
// no memory of its own, and time where the system's cache does not hold the file. The numbers are
// those that read_npy<float> gives, so that training comes to the same bits.
class NpyRows final : public StateRows {
 public:
  // Throws InputError.
  explicit NpyRows(const std::filesystem::path& path);
  std::uint64_t rows() const override { return rows_; }
  std::size_t width() const override { return width_; }
  const Shape& shape() const { return file_.shape(); }
  void read(std::uint64_t first, std::size_t n, float* out) const override;

 private:
  NpyReader file_;
  std::uint64_t rows_;
  std::size_t width_;
};

// Calls f(first, values) for blocks of whole rows, in their order.
void for_each_block(const StateRows& source,
                    const std::function<void(std::uint64_t first, std::span<const float>)>& f);

// Throws ArgumentError (a normalisation that cannot be) or InputError (another width, no rows, a
// value that is not finite; names the row); begins with `what`. Returns a hash of all bits.
std::uint64_t check_rows(const StateRows& source, const Normalisation& units,
                         std::string_view what);

// The order in which training sees the rows: one permutation an epoch.
class EpochOrder {
 public:
  EpochOrder(std::uint64_t rows, std::uint64_t seed, Purpose purpose)
      : rows_(rows), seed_(seed), purpose_(purpose) {}
  // The row that comes after `seen` others.
  std::uint64_t operator()(std::uint64_t seen) {
    const std::uint64_t epoch = seen / rows_;
    if (!permutation_ || epoch != epoch_)
      permutation_.emplace(rows_, random_stream(seed_, purpose_, epoch));
    epoch_ = epoch;
    return (*permutation_)(seen % rows_);
  }

 private:
  std::uint64_t rows_, seed_, epoch_ = 0;
  Purpose purpose_;
  std::optional<IndexPermutation> permutation_;
};

}  // namespace papillon
