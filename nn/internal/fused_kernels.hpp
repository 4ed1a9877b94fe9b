// The elementwise passes of the fused network: plain loops over a tile of rows that stays in cache.
// All matrices are row-major [n, h]. FiLM tables are [slots, 2 h]: 1 + scale, then shift; row i
// uses the table's row slot[i].
#pragma once

#include <cstddef>
#include <cstdint>

namespace papillon::fused {

// x += pending_bias (if not null); xhat = (x - mean) / sqrt(var + eps), rstd = 1 / sqrt(var + eps);
// out = xhat * (1 + scale) + shift. xhat and rstd may be null (inference).
void normalise_film(std::size_t n, std::size_t h, float* x, const float* pending_bias,
                    const float* table, const std::uint32_t* slot, float eps, float* xhat,
                    float* rstd, float* out);
void normalise_film(std::size_t n, std::size_t h, double* x, const double* pending_bias,
                    const double* table, const std::uint32_t* slot, double eps, double* xhat,
                    double* rstd, double* out);

// Where the gradients of the FiLM table go. A slot whose rows begin before this lane's first row is
// shared with the lane before: its sum goes to a buffer of the lane's own.
template <class T>
struct FilmGradient {
  T* table;                  // [slots, 2 h]
  T* shared;                 // [2 h]
  std::int64_t shared_slot;  // -1: none
};

// The adjoint of normalise_film: from da = d loss / d out adds to the table's gradient and, through
// the normalisation, adds d loss / d x to dx.
void normalise_film_backward(std::size_t n, std::size_t h, const float* da, const float* xhat,
                             const float* rstd, const float* table, const std::uint32_t* slot,
                             FilmGradient<float> gradient, float* dx);
void normalise_film_backward(std::size_t n, std::size_t h, const double* da, const double* xhat,
                             const double* rstd, const double* table, const std::uint32_t* slot,
                             FilmGradient<double> gradient, double* dx);

// x = max(x + bias, 0)
void bias_relu(std::size_t n, std::size_t h, float* x, const float* bias);
void bias_relu(std::size_t n, std::size_t h, double* x, const double* bias);

// dx = y > 0 ? dx : 0, column_sums += sum over rows of dx
void relu_backward(std::size_t n, std::size_t h, const float* y, float* dx, float* column_sums);
void relu_backward(std::size_t n, std::size_t h, const double* y, double* dx, double* column_sums);

void add_bias(std::size_t n, std::size_t h, float* x, const float* bias);
void add_bias(std::size_t n, std::size_t h, double* x, const double* bias);

void add_column_sums(std::size_t n, std::size_t h, const float* x, float* column_sums);
void add_column_sums(std::size_t n, std::size_t h, const double* x, double* column_sums);

// out += x
void accumulate(std::size_t n, const float* x, float* out);
void accumulate(std::size_t n, const double* x, double* out);

}  // namespace papillon::fused
