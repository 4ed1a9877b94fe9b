// Reads and writes NumPy's array files: float32 and float64, little-endian, C order.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/npy_header.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon {

// A file in memory. Throws InputError.
template <class T>
Tensor<T> parse_npy(std::span<const std::byte> file, const std::string& name = "NPY data");

// The array in precision T, whatever the file's. Throws InputError that names the path, also where
// there is less memory than the array needs.
template <class T>
Tensor<T> read_npy(const std::filesystem::path& path);

// Throws OutputError.
template <class T>
void write_npy(const std::filesystem::path& path, const Tensor<T>& tensor);

// Closes a C stream that goes out of scope.
struct CloseFile {
  // Called with a stream that is open.
  void operator()(std::FILE* file) const { std::fclose(file); }
};
// A C stream that is open, or none.
using OpenFile = std::unique_ptr<std::FILE, CloseFile>;

// Reads a file row by row (a row: all but the outermost axis). Throws InputError.
class NpyReader {
 public:
  explicit NpyReader(const std::filesystem::path& path);  // refuses a scalar
  // Of the array; its number of rows.
  const Shape& shape() const { return header_.shape; }
  std::size_t rows() const { return header_.shape[0]; }
  std::size_t row_size() const { return row_size_; }  // elements of a row
  // Whether the file is in double precision.
  bool is_double() const { return header_.item_size == 8; }
  // The next rows, as many as fit in out and are left; returns their number.
  template <class T>
  std::size_t read_rows(std::span<T> out);
  // Elements first ... first + out.size() - 1 of the whole array, wherever the next row is; threads
  // may call it at the same time.
  template <class T>
  void read_at(std::uint64_t first, std::span<T> out) const;
  // The next row to read, 0 ... rows(). Throws ArgumentError beyond.
  void seek_row(std::size_t row);

 private:
  std::string name_;
  NpyHeader header_;
  OpenFile file_;
  std::size_t row_size_ = 0, row_ = 0;
};

// Writes a file whose number of rows is known at the end only. Throws OutputError.
template <class T>
class NpyWriter {
 public:
  // row_shape: of one row, {} for a file of numbers.
  NpyWriter(const std::filesystem::path& path, Shape row_shape);
  // Whole rows; throws ShapeError otherwise.
  void append(std::span<const T> elements);
  std::size_t rows() const { return rows_; }
  void commit();

 private:
  std::string header(std::size_t rows) const;

  AtomicFile file_;
  Shape row_shape_;
  std::size_t row_size_, header_size_ = 0, rows_ = 0;
};

}  // namespace papillon
