// A module of a host that knows nothing of Papillon: linked with it, loaded and unloaded at run
// time. Two are made of this file, with other numbers.
#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

struct Resident {
  Resident() { tensor = random_normal<float>({50000}, {MODULE, 1}); }
  ~Resident() { tensor = random_normal<float>({50000}, {MODULE, 2}); }
  Tensor<float> tensor;
} resident;

}  // namespace

extern "C" double module_work(int threads) {
  set_thread_count(static_cast<std::size_t>(threads));
  std::vector<double> parts(100);
  parallel_for(parts.size(), [&](std::size_t i) {
    parts[i] = Tensor<double>::full({i + 1}, static_cast<double>(MODULE))[i];
  });
  double total = 0;
  for (const double part : parts) total += part;
  const Var<double> x = Var<double>::parameter(Tensor<double>::full({2}, total));
  return gradient(sum(x * x), {x})[0].value()[0];  // 200 MODULE
}
