#include "papillon/tensor/npy_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace papillon {
namespace {

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
    std::size_t value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range) fail("its shape is too large");
    if (error != std::errc())
      fail("its header is malformed: the shape needs integers of at least 0");
    at_ = static_cast<std::size_t>(end - text_.data());
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
  if (length > max_npy_header)
    fail(fmt::format("its header has {} bytes, more than 65536", length));
  if (length > start.size() - prefix) fail("it is truncated in its header");
  const std::string_view text(reinterpret_cast<const char*>(start.data()) + prefix, length);
  NpyHeader header = HeaderText(text, name).parse();
  header.data_offset = prefix + length;
  std::uint64_t bytes = header.item_size;
  for (const std::size_t extent : header.shape) {
    if (extent == 0) continue;
    if (bytes > std::numeric_limits<std::int64_t>::max() / extent)
      fail(fmt::format("its shape {} is too large", to_string(header.shape)));
    bytes *= extent;
  }
  if (element_count(header.shape) == 0) bytes = 0;
  if (file_size < header.data_offset || file_size - header.data_offset != bytes) {
    fail(fmt::format("shape {} needs {} bytes of data, the file has {}", to_string(header.shape),
                     bytes, file_size - std::min<std::uint64_t>(file_size, header.data_offset)));
  }
  return header;
}

// magic, version 1.0, length, text; text ends in spaces so that width bytes are reached.
std::string npy_header_text(const Shape& shape, std::size_t item_size, std::size_t width) {
  std::string text =
      fmt::format("{{'descr': '<f{}', 'fortran_order': False, 'shape': (", item_size);
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

}  // namespace papillon
