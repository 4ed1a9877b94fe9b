// Matrix products through BLAS, and who may use its threads.
#pragma once

#include <cstddef>
#include <string>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

// Whether a product takes the transpose of an operand.
enum class Transpose : bool { no = false, yes = true };

// C = alpha op(A) op(B) + beta C on raw row-major matrices: op(A) is [m, k], op(B) is [k, n], C is
// [m, n]; lda, ldb, ldc are the distances between rows as stored. C is not read when beta is 0.
void gemm(Transpose ta, Transpose tb, std::size_t m, std::size_t n, std::size_t k, float alpha,
          const float* a, std::size_t lda, const float* b, std::size_t ldb, float beta, float* c,
          std::size_t ldc);
void gemm(Transpose ta, Transpose tb, std::size_t m, std::size_t n, std::size_t k, double alpha,
          const double* a, std::size_t lda, const double* b, std::size_t ldb, double beta,
          double* c, std::size_t ldc);

// The lower triangle of C = alpha A^T A + beta C for raw row-major A [k, n] and C [n, n]: half the
// arithmetic of gemm. What lies above the diagonal is neither read nor written.
void syrk(std::size_t n, std::size_t k, float alpha, const float* a, std::size_t lda, float beta,
          float* c, std::size_t ldc);
void syrk(std::size_t n, std::size_t k, double alpha, const double* a, std::size_t lda, double beta,
          double* c, std::size_t ldc);

// gemm on tensors of rank 2; throws ShapeError if they do not fit.
template <class T>
void gemm(Transpose ta, Transpose tb, T alpha, const Tensor<T>& a, const Tensor<T>& b, T beta,
          Tensor<T>& c);

// op(a) op(b), both of rank 2.
template <class T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, Transpose ta = Transpose::no,
                 Transpose tb = Transpose::no);

// The plain loop: what gemm is tested against.
template <class T>
Tensor<T> matmul_reference(const Tensor<T>& a, const Tensor<T>& b, Transpose ta = Transpose::no,
                           Transpose tb = Transpose::no);

// During its lifetime BLAS products run on the calling thread; when the last one is destroyed, the
// previous number of BLAS threads is restored, unless other code has set it meanwhile. Held by our
// loops over tiles, which have threads of their own; nothing else changes that global setting. In a
// forked child it stays at one. Does nothing for a BLAS other than OpenBLAS.
class SingleThreadedBlas {
 public:
  SingleThreadedBlas();
  ~SingleThreadedBlas();
  SingleThreadedBlas(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;
};

// "OpenBLAS 0.3.21 ... Zen MAX_THREADS=64", or "CBLAS (unknown)".
std::string blas_description();

}  // namespace papillon
