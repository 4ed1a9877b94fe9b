#include "papillon/tensor/shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>

namespace papillon {

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

std::size_t element_count(const Shape& shape) {
  std::size_t n = 1;
  for (std::size_t extent : shape)
    if (extent == 0) return 0;
  for (std::size_t extent : shape) {
    if (n > SIZE_MAX / extent)
      throw ShapeError("shape " + to_string(shape) + " has more elements than memory can address");
    n *= extent;
  }
  return n;
}

void throw_shape_error(const char* op, const Shape& a, const Shape& b, const std::string& why) {
  throw ShapeError(fmt::format("{}: shapes {} and {} {}", op, to_string(a), to_string(b), why));
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t back = 1; back <= result.size(); ++back) {
    const std::size_t m = back <= a.size() ? a[a.size() - back] : 1;
    const std::size_t n = back <= b.size() ? b[b.size() - back] : 1;
    if (m != n && m != 1 && n != 1)
      throw_shape_error(op, a, b, fmt::format("do not broadcast ({} against {})", m, n));
    result[result.size() - back] = m == 1 ? n : m;
  }
  return result;
}

std::size_t normalise_axis(std::ptrdiff_t axis, std::size_t rank, const char* op) {
  const auto r = static_cast<std::ptrdiff_t>(rank);
  if (axis < -r || axis >= r)
    throw ShapeError(fmt::format("{}: axis {} of a tensor of rank {}", op, axis, rank));
  return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
}

}  // namespace papillon
