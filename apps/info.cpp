// papillon info: what this program is and runs on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "papillon/apps/build_info.hpp"
#include "papillon/apps/command.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {
namespace {

std::vector<std::string> cpu_features() {
  std::vector<std::string> features;
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  const auto add = [&](const char* name, bool there) {
    if (there) features.emplace_back(name);
  };
  add("sse4.2", __builtin_cpu_supports("sse4.2"));
  add("avx", __builtin_cpu_supports("avx"));
  add("avx2", __builtin_cpu_supports("avx2"));
  add("fma", __builtin_cpu_supports("fma"));
  add("avx512f", __builtin_cpu_supports("avx512f"));
  add("avx512dq", __builtin_cpu_supports("avx512dq"));
  add("avx512bw", __builtin_cpu_supports("avx512bw"));
  add("avx512vl", __builtin_cpu_supports("avx512vl"));
#endif
  return features;
}

// The largest difference of a BLAS product from the plain loop, relative to the largest entry.
template <class T>
double product_error() {
  const Tensor<T> a = random_normal<T>({61, 83}, {0, 1}), b = random_normal<T>({47, 83}, {0, 2});
  const Tensor<T> right = matmul_reference(a, b, Transpose::no, Transpose::yes);
  return static_cast<double>(
             max_abs_difference(matmul(a, b, Transpose::no, Transpose::yes), right)) /
         40;  // entries are of size sqrt(83), the largest of thousands about 40
}

class Info : public Command {
 public:
  const char* name() const override { return "info"; }
  const char* about() const override {
    return "Version, build, CPU features, threads, and whether BLAS multiplies rightly.";
  }
  const char* example() const override { return "  papillon info\n"; }

  Json run(const Context& context) override {
    const double single = product_error<float>(), precise = product_error<double>();
    // 83 products and sums: a few roundings of each precision, and a hundredfold for another order.
    const bool right = single < 1e-5 && precise < 1e-13;
    const std::vector<std::string> features = cpu_features();
    if (context.tables()) {
      fmt::print(
          "papillon     {} ({})\nbuild        {}\ncpu          {}\n", program_version,
          program_commit, program_build,
          features.empty() ? "(features not known)" : fmt::format("{}", fmt::join(features, " ")));
      fmt::print(
          "threads      {}\nblas         {}\nblas check   {} (errors {:.1e} in float, {:.1e} "
          "in double)\n",
          thread_count(), blas_description(), right ? "right" : "WRONG", single, precise);
    }
    Json results = {{"build", program_build},      {"cpu_features", features},
                    {"threads", thread_count()},   {"blas", blas_description()},
                    {"blas_right", right},         {"blas_error_float", single},
                    {"blas_error_double", precise}};
    if (!right) results["failed"] = true;
    return results;
  }
};

}  // namespace

std::unique_ptr<Command> make_info() {
  return std::make_unique<Info>();
}

}  // namespace papillon::apps
