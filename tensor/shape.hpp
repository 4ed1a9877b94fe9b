// Shapes and NumPy's broadcasting rule.
#pragma once

#include <cstddef>
#include <string>

#include "papillon/tensor/compat.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon {

// Extents from the outermost (slowest) to the innermost axis; {} is a scalar.
using Shape = xt::dynamic_shape<std::size_t>;

// "[16, 256]"
std::string to_string(const Shape& shape);

// The number of elements; throws ShapeError if it does not fit size_t.
std::size_t element_count(const Shape& shape);

// The shape that a and b broadcast to (NumPy's rule); throws ShapeError naming op and both shapes.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op);

// An axis counted from the front (0 ...) or from the back (-1 ...); throws ShapeError.
std::size_t normalise_axis(std::ptrdiff_t axis, std::size_t rank, const char* op);

// Throws ShapeError: "op: shapes a and b: why".
[[noreturn]] void throw_shape_error(const char* op, const Shape& a, const Shape& b,
                                    const std::string& why);

}  // namespace papillon
