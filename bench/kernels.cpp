// The speeds of single kernels, for who changes one: elementwise passes, reductions, random
// numbers, products, nearest neighbours. One JSON object on stdout: {"case": {"value": ..., "unit":
// ...}}.
//   papillon_kernels [--seconds S] [--threads N] [--only PART]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/lorenz/dynamics/lorenz63.hpp"
#include "papillon/lorenz/metrics/hellinger.hpp"
#include "papillon/lorenz/metrics/nearest.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/reduce.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

// Runs each case for about that long and prints the median speed of its passes.
class Bench {
 public:
  Bench(double seconds, std::string only) : seconds_(seconds), only_(std::move(only)) {}

  // work: what one pass does, in units (elements, operations, queries).
  void run(const std::string& name, const char* unit, double work,
           const std::function<void()>& pass) {
    names_ += " " + name;
    if (name.find(only_) == std::string::npos) return;
    pass();  // warms up
    std::vector<double> speeds;
    for (double spent = 0; spent < seconds_ || speeds.size() < 3;) {
      const auto start = std::chrono::steady_clock::now();
      pass();
      const double time =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      spent += time;
      speeds.push_back(work / time);
    }
    std::sort(speeds.begin(), speeds.end());
    std::printf("%s\n  \"%s\": {\"value\": %.4g, \"unit\": \"%s/s\"}", first_ ? "{" : ",",
                name.c_str(), speeds[speeds.size() / 2], unit);
    std::fflush(stdout);
    first_ = false;
  }
  // The exit status.
  int close() const {
    if (first_) {
      std::fprintf(stderr, "--only is '%s', which no case contains; cases are%s\n", only_.c_str(),
                   names_.c_str());
      return 2;
    }
    std::printf("\n}\n");
    return 0;
  }

 private:
  double seconds_;
  std::string only_, names_;
  bool first_ = true;
};

void elementwise(Bench& bench) {
  // Two sizes: in the second-level cache, and far beyond the last.
  for (const std::size_t rows : {std::size_t{256}, std::size_t{1} << 17}) {
    const std::string size = rows == 256 ? "_256x256" : "_131072x256";
    const auto a = random_normal<float>({rows, 256}, {1, 1});
    const auto b = random_normal<float>({rows, 256}, {1, 2});
    const auto row = random_normal<float>({256}, {1, 3});
    const auto n = static_cast<double>(a.size());
    bench.run("add" + size, "elements", n, [&] { add(a, b); });
    bench.run("add_row" + size, "elements", n, [&] { add(a, row); });
    bench.run("exp" + size, "elements", n, [&] { exp(a); });
    bench.run("tanh" + size, "elements", n, [&] { tanh(a); });
    bench.run("sum" + size, "elements", n, [&] { sum(a); });
    bench.run("sum_rows" + size, "elements", n, [&] { sum(a, {0}); });
  }
}

void random(Bench& bench) {
  constexpr std::size_t n = 1 << 22;
  bench.run("random_uniform", "numbers", n, [] { random_uniform<float>({n}, {1, 1}); });
  bench.run("random_normal", "numbers", n, [] { random_normal<float>({n}, {1, 1}); });
  bench.run("random_normal_double", "numbers", n, [] { random_normal<double>({n}, {1, 1}); });
  const IndexPermutation permutation(16'000'000, {1, 2});
  std::vector<std::uint64_t> indices(1 << 18);
  bench.run("index_permutation", "indices", static_cast<double>(indices.size()), [&] {
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = permutation(i);
  });
}

// The shapes of the paper's network, single-threaded: forward, gradient of the weights, output
// head.
void products(Bench& bench) {
  const SingleThreadedBlas alone;
  const struct {
    const char* name;
    Transpose ta, tb;
    std::size_t m, n, k;
  } shapes[] = {{"sgemm_forward_256x256x256", Transpose::no, Transpose::yes, 256, 256, 256},
                {"sgemm_weights_256x256x256", Transpose::yes, Transpose::no, 256, 256, 256},
                {"sgemm_input_256x256x3", Transpose::no, Transpose::yes, 256, 256, 3},
                {"sgemm_output_256x3x256", Transpose::no, Transpose::yes, 256, 3, 256}};
  for (const auto& s : shapes) {
    const auto a = random_normal<float>({s.m, s.k}, {1, 1});
    const auto b = random_normal<float>({s.k, s.n}, {1, 2});
    Tensor<float> c(Shape{s.m, s.n});
    const std::size_t lda = s.ta == Transpose::yes ? s.m : s.k;
    const std::size_t ldb = s.tb == Transpose::yes ? s.k : s.n;
    bench.run(s.name, "FLOP", 2.0 * static_cast<double>(s.m * s.n * s.k), [&] {
      gemm(s.ta, s.tb, s.m, s.n, s.k, 1.f, a.data(), lda, b.data(), ldb, 0.f, c.data(), s.n);
    });
  }
}

// Of the metrics: 131,072 states against a million, all on the attractor.
void metrics(Bench& bench) {
  constexpr std::size_t members = 1 << 13, points = 1 << 20, queries = 1 << 17;
  Tensor<float> states = random_normal<float>({members, 3}, {1, 1});
  integrate(Lorenz63{}, Scheme::rk4, 0.01, 3000, states);
  Tensor<float> reference(Shape{points, 3}), samples(Shape{queries, 3});
  for (Tensor<float>* set : {&reference, &samples}) {
    for (std::size_t i = 0; i < set->shape()[0]; i += members) {
      integrate(Lorenz63{}, Scheme::rk4, 0.01, 37, states);
      std::copy(states.begin(), states.end(), set->data() + 3 * i);
    }
  }
  bench.run("nearest", "queries", queries, [&] { nearest_squared_distances(samples, reference); });
  bench.run("histogram", "states", points, [&] {
    Histogram histogram(3);
    histogram.add(reference.span());
  });
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0.5;
  std::string only;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 < argc && option == "--seconds") {
      seconds = std::atof(argv[i + 1]);
    } else if (i + 1 < argc && option == "--threads") {
      set_thread_count(static_cast<std::size_t>(std::atoi(argv[i + 1])));
    } else if (i + 1 < argc && option == "--only") {
      only = argv[i + 1];
    } else {
      std::fprintf(stderr, "papillon_kernels [--seconds S] [--threads N] [--only PART]\n");
      return 2;
    }
  }
  Bench bench(seconds, only);
  elementwise(bench);
  random(bench);
  products(bench);
  metrics(bench);
  return bench.close();
}
