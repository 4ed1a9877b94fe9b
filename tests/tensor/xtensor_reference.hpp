// xtensor's own expressions, the outside reference of the kernels here: they share no code with
// ours. Its headers moved in 0.26.
#pragma once

#include "papillon/tensor/tensor.hpp"
#if __has_include(<xtensor/core/xmath.hpp>)
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

// The tensor that an xtensor expression evaluates to.
template <class T, class Expression>
papillon::Tensor<T> evaluated(const Expression& expression) {
  typename papillon::Tensor<T>::Array array = expression;
  return papillon::Tensor<T>::from_array(std::move(array));
}

// Smooth values of both signs, no two alike, none zero.
template <class T>
papillon::Tensor<T> wave(const papillon::Shape& shape, double phase = 0.3) {
  papillon::Tensor<T> t(shape);
  for (std::size_t i = 0; i < t.size(); ++i)
    t[i] = static_cast<T>(1.5 * std::sin(0.7 * static_cast<double>(i) + phase));
  return t;
}

template <class T>
papillon::Tensor<T> positive(const papillon::Shape& shape, double phase = 0.3) {
  papillon::Tensor<T> t = wave<T>(shape, phase);
  for (T& v : t) v = std::abs(v) + T(0.1);
  return t;
}
