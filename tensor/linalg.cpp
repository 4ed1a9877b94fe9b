#include "papillon/tensor/linalg.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <mutex>

#include "papillon/tensor/thread_pool.hpp"

// OpenBLAS's own controls: null where another BLAS is linked.
extern "C" {
__attribute__((weak)) void openblas_set_num_threads(int);
__attribute__((weak)) int openblas_get_num_threads(void);
__attribute__((weak)) char* openblas_get_config(void);
}

namespace papillon {
namespace {

CBLAS_TRANSPOSE flag(Transpose t) {
  return t == Transpose::yes ? CblasTrans : CblasNoTrans;
}

// BLAS takes int extents and ends the program on invalid ones, so they are checked here.
int blas_int(std::size_t n) {
  if (n > INT_MAX) throw ArgumentError(fmt::format("gemm: extent {} is above {}", n, INT_MAX));
  return static_cast<int>(n);
}

int row_distance(std::size_t ld, std::size_t columns, const char* name) {
  if (ld < columns)
    throw ArgumentError(
        fmt::format("gemm: {} = {} is below the {} columns of a row", name, ld, columns));
  return blas_int(std::max<std::size_t>(ld, 1));
}

template <class T, class Product>
void checked_gemm(Transpose ta, Transpose tb, std::size_t m, std::size_t n, std::size_t k,
                  std::size_t lda, std::size_t ldb, T beta, T* c, std::size_t ldc,
                  Product product) {
  const int la = row_distance(lda, ta == Transpose::yes ? m : k, "lda");
  const int lb = row_distance(ldb, tb == Transpose::yes ? k : n, "ldb");
  const int lc = row_distance(ldc, n, "ldc");
  if (m == 0 || n == 0) return;
  if (k > 0) return product(blas_int(m), blas_int(n), blas_int(k), la, lb, lc);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) c[i * ldc + j] = beta == 0 ? T(0) : beta * c[i * ldc + j];
}

struct Extents {
  std::size_t m, n, k;
};

template <class T>
Extents product_extents(const char* op, const Tensor<T>& a, const Tensor<T>& b, Transpose ta,
                        Transpose tb) {
  if (a.rank() != 2 || b.rank() != 2)
    throw_shape_error(op, a.shape(), b.shape(), "are not two matrices");
  const bool at = ta == Transpose::yes, bt = tb == Transpose::yes;
  const std::size_t k = a.shape()[at ? 0 : 1];
  if (k != b.shape()[bt ? 1 : 0])
    throw_shape_error(op, a.shape(), b.shape(),
                      fmt::format("do not fit ({}{}: inner extents {} and {})", at ? "aᵀ" : "a",
                                  bt ? "bᵀ" : "b", k, b.shape()[bt ? 1 : 0]));
  return {a.shape()[at ? 1 : 0], b.shape()[bt ? 0 : 1], k};
}

std::mutex blas_threads_mutex;
int blas_threads_holders = 0;
int blas_threads_before = 1;

bool blas_threads_known() {
  return openblas_set_num_threads != nullptr && openblas_get_num_threads != nullptr;
}

// Only if it is not 1 already: in a forked child, OpenBLAS starts threads whenever it is set.
void one_blas_thread() {
  if (openblas_get_num_threads() != 1) openblas_set_num_threads(1);
}

}  // namespace

void gemm(Transpose ta, Transpose tb, std::size_t m, std::size_t n, std::size_t k, float alpha,
          const float* a, std::size_t lda, const float* b, std::size_t ldb, float beta, float* c,
          std::size_t ldc) {
  checked_gemm(ta, tb, m, n, k, lda, ldb, beta, c, ldc,
               [&](int mi, int ni, int ki, int la, int lb, int lc) {
                 cblas_sgemm(CblasRowMajor, flag(ta), flag(tb), mi, ni, ki, alpha, a, la, b, lb,
                             beta, c, lc);
               });
}

void gemm(Transpose ta, Transpose tb, std::size_t m, std::size_t n, std::size_t k, double alpha,
          const double* a, std::size_t lda, const double* b, std::size_t ldb, double beta,
          double* c, std::size_t ldc) {
  checked_gemm(ta, tb, m, n, k, lda, ldb, beta, c, ldc,
               [&](int mi, int ni, int ki, int la, int lb, int lc) {
                 cblas_dgemm(CblasRowMajor, flag(ta), flag(tb), mi, ni, ki, alpha, a, la, b, lb,
                             beta, c, lc);
               });
}

namespace {

template <class T, class Product>
void checked_syrk(std::size_t n, std::size_t k, std::size_t lda, T beta, T* c, std::size_t ldc,
                  Product product) {
  const int la = row_distance(lda, n, "lda"), lc = row_distance(ldc, n, "ldc");
  if (n == 0) return;
  if (k > 0) return product(blas_int(n), blas_int(k), la, lc);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) c[i * ldc + j] = beta == 0 ? T(0) : beta * c[i * ldc + j];
}

}  // namespace

void syrk(std::size_t n, std::size_t k, float alpha, const float* a, std::size_t lda, float beta,
          float* c, std::size_t ldc) {
  checked_syrk(n, k, lda, beta, c, ldc, [&](int ni, int ki, int la, int lc) {
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, ni, ki, alpha, a, la, beta, c, lc);
  });
}

void syrk(std::size_t n, std::size_t k, double alpha, const double* a, std::size_t lda, double beta,
          double* c, std::size_t ldc) {
  checked_syrk(n, k, lda, beta, c, ldc, [&](int ni, int ki, int la, int lc) {
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, ni, ki, alpha, a, la, beta, c, lc);
  });
}

template <class T>
void gemm(Transpose ta, Transpose tb, T alpha, const Tensor<T>& a, const Tensor<T>& b, T beta,
          Tensor<T>& c) {
  const auto [m, n, k] = product_extents("gemm", a, b, ta, tb);
  if (const Shape wanted{m, n}; c.shape() != wanted)
    throw_shape_error("gemm", c.shape(), wanted, "of c and of the product differ");
  gemm(ta, tb, m, n, k, alpha, a.data(), a.shape()[1], b.data(), b.shape()[1], beta, c.data(), n);
}

template <class T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, Transpose ta, Transpose tb) {
  const auto [m, n, k] = product_extents("matmul", a, b, ta, tb);
  Tensor<T> c(Shape{m, n});
  gemm(ta, tb, m, n, k, T(1), a.data(), a.shape()[1], b.data(), b.shape()[1], T(0), c.data(), n);
  return c;
}

template <class T>
Tensor<T> matmul_reference(const Tensor<T>& a, const Tensor<T>& b, Transpose ta, Transpose tb) {
  const auto [m, n, k] = product_extents("matmul_reference", a, b, ta, tb);
  Tensor<T> c(Shape{m, n});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      T sum = 0;
      for (std::size_t l = 0; l < k; ++l)
        sum +=
            (ta == Transpose::yes ? a(l, i) : a(i, l)) * (tb == Transpose::yes ? b(j, l) : b(l, j));
      c(i, j) = sum;
    }
  return c;
}

SingleThreadedBlas::SingleThreadedBlas() {
  if (!blas_threads_known()) return;
  // A forked child stays on one thread, and does not lock: the owner may not exist in it.
  if (detail::in_forked_child()) {
    one_blas_thread();
    return;
  }
  const std::lock_guard lock(blas_threads_mutex);
  if (blas_threads_holders++ > 0) return;
  blas_threads_before = openblas_get_num_threads();
  one_blas_thread();
}

SingleThreadedBlas::~SingleThreadedBlas() {
  if (!blas_threads_known() || detail::in_forked_child()) return;
  const std::lock_guard lock(blas_threads_mutex);
  // Unless the host or another copy of this library has set it meanwhile.
  if (--blas_threads_holders == 0 && blas_threads_before != 1 && openblas_get_num_threads() == 1)
    openblas_set_num_threads(blas_threads_before);
}

std::string blas_description() {
  if (openblas_get_config == nullptr) return "CBLAS (unknown)";
  std::string text = openblas_get_config();
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

#define PAPILLON_INSTANTIATE(T)                                                                   \
  template void gemm(Transpose, Transpose, T, const Tensor<T>&, const Tensor<T>&, T, Tensor<T>&); \
  template Tensor<T> matmul(const Tensor<T>&, const Tensor<T>&, Transpose, Transpose);            \
  template Tensor<T> matmul_reference(const Tensor<T>&, const Tensor<T>&, Transpose, Transpose);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
