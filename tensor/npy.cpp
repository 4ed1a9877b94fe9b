#include "papillon/tensor/npy.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "papillon/tensor/available_memory.hpp"

namespace papillon {
namespace {

static_assert(std::endian::native == std::endian::little, "NPY data are read as they are");

// From the file's elements to T.
template <class T>
void convert(const std::byte* from, std::size_t item_size, std::span<T> to) {
  const auto copy = [&]<class File>(File value) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::memcpy(&value, from + i * sizeof value, sizeof value);
      to[i] = static_cast<T>(value);
    }
  };
  if (to.empty()) return;
  if (item_size == sizeof(T)) {
    std::memcpy(to.data(), from, to.size_bytes());
  } else if (item_size == 4) {
    copy(float{});
  } else {
    copy(double{});
  }
}

Shape with_rows(std::size_t rows, const Shape& row_shape) {
  Shape shape{rows};
  for (const std::size_t extent : row_shape) shape.push_back(extent);
  return shape;
}

[[noreturn]] void fail_to_read(const std::string& name, const std::string& why) {
  throw InputError(fmt::format("cannot read '{}': {}", name, why));
}

std::string system_error_text() {
  return std::generic_category().message(errno);
}

// Opens a regular file, reads its header, and goes to its first element.
OpenFile open_npy(const std::string& name, NpyHeader& header) {
  OpenFile file(std::fopen(name.c_str(), "rb"));
  if (!file) fail_to_read(name, system_error_text());
  struct stat status;
  if (::fstat(::fileno(file.get()), &status) != 0 || !S_ISREG(status.st_mode))
    fail_to_read(name, "it is not a regular file");
  std::vector<std::byte> start(
      std::min<std::size_t>(static_cast<std::size_t>(status.st_size), max_npy_header + 12));
  if (std::fread(start.data(), 1, start.size(), file.get()) != start.size())
    fail_to_read(name, "it is truncated");
  header = parse_npy_header(start, static_cast<std::uint64_t>(status.st_size), name);
  ::fseeko(file.get(), static_cast<off_t>(header.data_offset), SEEK_SET);
  return file;
}

// The next elements, through a buffer where the precision differs.
template <class T>
void read_elements(std::FILE* file, std::size_t item_size, std::span<T> out,
                   const std::string& name) {
  std::vector<std::byte> buffer(
      item_size == sizeof(T) ? 0 : std::min<std::size_t>(out.size(), 16384) * item_size);
  while (!out.empty()) {
    const std::size_t n = buffer.empty() ? out.size() : std::min<std::size_t>(out.size(), 16384);
    void* to = buffer.empty() ? static_cast<void*>(out.data()) : buffer.data();
    if (std::fread(to, item_size, n, file) != n)
      fail_to_read(name, "it became shorter while it was read");
    if (!buffer.empty()) convert(buffer.data(), item_size, out.first(n));
    out = out.subspan(n);
  }
}

}  // namespace

template <class T>
Tensor<T> parse_npy(std::span<const std::byte> file, const std::string& name) {
  const NpyHeader header = parse_npy_header(file, file.size(), name);
  Tensor<T> result(header.shape);
  convert(file.data() + header.data_offset, header.item_size, result.span());
  return result;
}

template <class T>
Tensor<T> read_npy(const std::filesystem::path& path) {
  NpyHeader header;
  const OpenFile file = open_npy(path.string(), header);
  // A sparse file may be longer than memory without taking space on the disk.
  require_memory(static_cast<double>(element_count(header.shape)) * sizeof(T),
                 fmt::format("{}: shape {}", path.string(), to_string(header.shape)));
  Tensor<T> result(header.shape);
  read_elements(file.get(), header.item_size, result.span(), path.string());
  return result;
}

template <class T>
void write_npy(const std::filesystem::path& path, const Tensor<T>& tensor) {
  AtomicFile file(path);
  const std::string header = npy_header_text(tensor.shape(), sizeof(T));
  file.write(header.data(), header.size());
  file.write(tensor.data(), tensor.size() * sizeof(T));
  file.commit();
}

NpyReader::NpyReader(const std::filesystem::path& path)
    : name_(path.string()), file_(open_npy(name_, header_)) {
  if (header_.shape.empty()) throw InputError(name_ + ": it holds a scalar; needs rows");
  row_size_ = element_count(Shape(header_.shape.begin() + 1, header_.shape.end()));
}

template <class T>
std::size_t NpyReader::read_rows(std::span<T> out) {
  const std::size_t fit = row_size_ == 0 ? rows() : out.size() / row_size_;
  const std::size_t n = std::min(fit, rows() - row_);
  read_elements(file_.get(), header_.item_size, out.first(n * row_size_), name_);
  row_ += n;
  return n;
}

template <class T>
void NpyReader::read_at(std::uint64_t first, std::span<T> out) const {
  std::byte buffer[16384];
  while (!out.empty()) {
    const std::size_t n = std::min(out.size(), sizeof buffer / header_.item_size),
                      bytes = n * header_.item_size;
    const auto offset = static_cast<off_t>(header_.data_offset + first * header_.item_size);
    if (::pread(::fileno(file_.get()), buffer, bytes, offset) != static_cast<ssize_t>(bytes))
      throw InputError(fmt::format("cannot read '{}': it became shorter while it was read", name_));
    convert(buffer, header_.item_size, out.first(n));
    out = out.subspan(n);
    first += n;
  }
}

void NpyReader::seek_row(std::size_t row) {
  if (row > rows()) {
    throw ArgumentError(fmt::format("{}: row {} of {} does not exist", name_, row, rows()));
  }
  const std::size_t offset = header_.data_offset + row * row_size_ * header_.item_size;
  if (::fseeko(file_.get(), static_cast<off_t>(offset), SEEK_SET) != 0)
    fail_to_read(name_, system_error_text());
  row_ = row;
}

template <class T>
NpyWriter<T>::NpyWriter(const std::filesystem::path& path, Shape row_shape)
    : file_(path), row_shape_(std::move(row_shape)), row_size_(element_count(row_shape_)) {
  // Room for the largest number of rows there can be.
  const std::string longest = header(std::numeric_limits<std::size_t>::max());
  header_size_ = longest.size();
  file_.write(longest.data(), longest.size());
}

template <class T>
std::string NpyWriter<T>::header(std::size_t rows) const {
  return npy_header_text(with_rows(rows, row_shape_), sizeof(T), header_size_);
}

template <class T>
void NpyWriter<T>::append(std::span<const T> elements) {
  if (row_size_ == 0 ? !elements.empty() : elements.size() % row_size_ != 0) {
    throw ShapeError(fmt::format("NpyWriter: {} elements are no whole number of rows of shape {}",
                                 elements.size(), to_string(row_shape_)));
  }
  file_.write(elements.data(), elements.size_bytes());
  if (row_size_ != 0) rows_ += elements.size() / row_size_;
}

template <class T>
void NpyWriter<T>::commit() {
  const std::string text = header(rows_);
  if (std::fseek(file_.stream(), 0, SEEK_SET) != 0) {
    throw OutputError("cannot write NPY rows: the target cannot be rewound; give a regular file");
  }
  file_.write(text.data(), text.size());
  file_.commit();
}

#define PAPILLON_INSTANTIATE(T)                                                 \
  template Tensor<T> parse_npy(std::span<const std::byte>, const std::string&); \
  template Tensor<T> read_npy(const std::filesystem::path&);                    \
  template void write_npy(const std::filesystem::path&, const Tensor<T>&);      \
  template std::size_t NpyReader::read_rows(std::span<T>);                      \
  template void NpyReader::read_at(std::uint64_t, std::span<T>) const;          \
  template class NpyWriter<T>;
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
