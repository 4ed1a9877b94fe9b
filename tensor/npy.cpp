#include "papillon/tensor/npy.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "papillon/tensor/available_memory.hpp"

namespace papillon {
namespace {

static_assert(std::endian::native == std::endian::little, "NPY data are read as they are");

constexpr std::size_t max_header = 65536;

// The header's text: a Python dictionary of three known keys, in any order.
class HeaderText {
 public:
  HeaderText(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader parse() {
    NpyHeader header;
    bool fortran = false, has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !std::exchange(has_descr, true)) {
        header.item_size = item_size();
      } else if (key == "fortran_order" && !std::exchange(has_order, true)) {
        fortran = boolean();
      } else if (key == "shape" && !std::exchange(has_shape, true)) {
        header.shape = shape();
      } else {
        fail("its header has an unknown or repeated key");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("its header goes on after the dictionary");
    if (!has_descr || !has_order || !has_shape) {
      fail("its header needs the keys descr, fortran_order and shape");
    }
    if (fortran && header.shape.size() > 1) {
      fail("it is in Fortran order; save it with numpy.ascontiguousarray");
    }
    return header;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw InputError(fmt::format("{}: {}", name_, what));
  }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("its header is malformed: '{}' expected at {}", c, at_));
  }
  std::string_view string() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("its header is malformed: a string was expected");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) fail("its header is malformed: a string does not end");
    const std::string_view result = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return result;
  }
  std::size_t item_size() {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') fail("it holds records; needs float32 or float64");
    const std::string_view descr = string();
    if (descr == "<f4") return 4;
    if (descr == "<f8") return 8;
    fail("its element type is not '<f4' or '<f8' (little-endian float32 or float64)");
  }
  bool boolean() {
    skip_space();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail("its header is malformed: fortran_order is True or False");
  }
  // Python 2 wrote long integers as 2000L.
  std::size_t integer() {
    skip_space();
    const std::size_t begin = at_;
    std::size_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const auto digit = static_cast<std::size_t>(text_[at_] - '0');
      if (value > (std::numeric_limits<std::size_t>::max() - digit) / 10) {
        fail("its shape is too large");
      }
      value = 10 * value + digit;
    }
    if (at_ == begin) fail("its header is malformed: the shape needs integers of at least 0");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;
    return value;
  }
  Shape shape() {
    Shape result;
    expect('(');
    bool comma = true;
    while (!accept(')')) {
      if (!comma) fail("its header is malformed: the shape needs commas");
      if (result.size() == 32) fail("its shape has more than 32 axes");
      result.push_back(integer());
      comma = accept(',');
    }
    if (result.size() == 1 && !comma) fail("its shape is malformed: a tuple of one needs a comma");
    return result;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
};

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

// magic, version 1.0, length, text; text ends in spaces so that width bytes are reached.
template <class T>
std::string make_header(const Shape& shape, std::size_t width) {
  std::string text =
      fmt::format("{{'descr': '<f{}', 'fortran_order': False, 'shape': (", sizeof(T));
  for (const std::size_t extent : shape) text += fmt::format("{},", extent);
  text += "), }";
  const std::size_t size = std::max(width, (10 + text.size() + 1 + 63) / 64 * 64);
  text.resize(size - 11, ' ');
  text += '\n';
  const auto length = static_cast<unsigned>(text.size());
  std::string result = "\x93NUMPY\x01";
  result += '\0';
  result += static_cast<char>(length & 0xFF);
  result += static_cast<char>(length >> 8);
  return result + text;
}

Shape with_rows(std::size_t rows, const Shape& row_shape) {
  Shape shape{rows};
  for (const std::size_t extent : row_shape) shape.push_back(extent);
  return shape;
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> start, std::uint64_t file_size,
                           const std::string& name) {
  const auto fail = [&](std::string_view what) {
    throw InputError(fmt::format("{}: {}", name, what));
  };
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(start[i]); };
  if (start.size() < 10 || std::memcmp(start.data(), "\x93NUMPY", 6) != 0) {
    fail("it is not an NPY file");
  }
  if (byte(6) < 1 || byte(6) > 3 || byte(7) != 0) {
    fail(fmt::format("NPY version {}.{} is not 1.0, 2.0 or 3.0", byte(6), byte(7)));
  }
  const std::size_t prefix = byte(6) == 1 ? 10 : 12;
  if (start.size() < prefix) fail("it is truncated in its header");
  std::size_t length = byte(8) | byte(9) << 8;
  if (prefix == 12) length |= byte(10) << 16 | byte(11) << 24;
  if (length > max_header) fail(fmt::format("its header has {} bytes, more than 65536", length));
  if (length > start.size() - prefix) fail("it is truncated in its header");
  const std::string_view text(reinterpret_cast<const char*>(start.data()) + prefix, length);
  NpyHeader header = HeaderText(text, name).parse();
  header.data_offset = prefix + length;
  std::uint64_t bytes = header.item_size;
  const bool empty = std::find(header.shape.begin(), header.shape.end(), 0u) != header.shape.end();
  for (const std::size_t extent : header.shape) {
    if (extent != 0 && bytes > std::numeric_limits<std::int64_t>::max() / extent) {
      fail(fmt::format("its shape {} is too large", to_string(header.shape)));
    }
    if (extent != 0) bytes *= extent;
  }
  if (empty) bytes = 0;
  if (file_size < header.data_offset || file_size - header.data_offset != bytes) {
    fail(fmt::format("shape {} needs {} bytes of data, the file has {}", to_string(header.shape),
                     bytes, file_size - std::min<std::uint64_t>(file_size, header.data_offset)));
  }
  return header;
}

template <class T>
Tensor<T> parse_npy(std::span<const std::byte> file, const std::string& name) {
  const NpyHeader header = parse_npy_header(file, file.size(), name);
  Tensor<T> result(header.shape);
  convert(file.data() + header.data_offset, header.item_size, result.span());
  return result;
}

namespace {

// Opens a regular file and reads its header.
std::FILE* open_npy(const std::filesystem::path& path, NpyHeader& header) {
  const std::string name = path.string();
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw InputError(
        fmt::format("cannot read '{}': {}", name, std::generic_category().message(errno)));
  }
  try {
    struct stat status;
    if (::fstat(::fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
      throw InputError(fmt::format("cannot read '{}': it is not a regular file", name));
    }
    std::vector<std::byte> start(
        std::min<std::size_t>(static_cast<std::size_t>(status.st_size), max_header + 12));
    if (std::fread(start.data(), 1, start.size(), file) != start.size()) {
      throw InputError(fmt::format("cannot read '{}': it is truncated", name));
    }
    header = parse_npy_header(start, static_cast<std::uint64_t>(status.st_size), name);
    ::fseeko(file, static_cast<off_t>(header.data_offset), SEEK_SET);
  } catch (...) {
    std::fclose(file);
    throw;
  }
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
    if (std::fread(to, item_size, n, file) != n) {
      throw InputError(fmt::format("cannot read '{}': it became shorter while it was read", name));
    }
    if (!buffer.empty()) convert(buffer.data(), item_size, out.first(n));
    out = out.subspan(n);
  }
}

}  // namespace

template <class T>
Tensor<T> read_npy(const std::filesystem::path& path) {
  NpyHeader header;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(open_npy(path, header), &std::fclose);
  // A sparse file is as long as it says without taking room anywhere.
  require_memory(static_cast<double>(element_count(header.shape)) * sizeof(T),
                 fmt::format("{}: shape {}", path.string(), to_string(header.shape)));
  Tensor<T> result(header.shape);
  read_elements(file.get(), header.item_size, result.span(), path.string());
  return result;
}

template <class T>
void write_npy(const std::filesystem::path& path, const Tensor<T>& tensor) {
  AtomicFile file(path);
  const std::string header = make_header<T>(tensor.shape(), 0);
  file.write(header.data(), header.size());
  file.write(tensor.data(), tensor.size() * sizeof(T));
  file.commit();
}

NpyReader::NpyReader(const std::filesystem::path& path) : name_(path.string()) {
  file_.reset(open_npy(path, header_));
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
  if (::fseeko(file_.get(), static_cast<off_t>(offset), SEEK_SET) != 0) {
    throw InputError(
        fmt::format("cannot read '{}': {}", name_, std::generic_category().message(errno)));
  }
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
  return make_header<T>(with_rows(rows, row_shape_), header_size_);
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

template Tensor<float> parse_npy(std::span<const std::byte>, const std::string&);
template Tensor<double> parse_npy(std::span<const std::byte>, const std::string&);
template Tensor<float> read_npy(const std::filesystem::path&);
template Tensor<double> read_npy(const std::filesystem::path&);
template void write_npy(const std::filesystem::path&, const Tensor<float>&);
template void write_npy(const std::filesystem::path&, const Tensor<double>&);
template std::size_t NpyReader::read_rows(std::span<float>);
template std::size_t NpyReader::read_rows(std::span<double>);
template void NpyReader::read_at(std::uint64_t, std::span<float>) const;
template void NpyReader::read_at(std::uint64_t, std::span<double>) const;
template class NpyWriter<float>;
template class NpyWriter<double>;

}  // namespace papillon
