// The fused network against the clear one, and its laws.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "catch.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/nn/fused/engine.hpp"
#include "papillon/nn/residual_film_mlp.hpp"
#include "papillon/nn/state_dict.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

// A small network whose gamma is not tiny, so that every parameter matters; widths that are no
// multiple of a vector register.
template <class T>
struct Problem {
  explicit Problem(std::size_t rows, std::size_t slots_count)
      : network({3, 37, 2, 10}, 5),
        layout(3, 37, 2, 10),
        parameters(Shape{layout.size}),
        z(random_normal<T>({rows, 3}, {1, 1})),
        target(random_normal<T>({rows, 3}, {1, 2})),
        slot(rows),
        weights(slots_count) {
    auto dict = state_dict<T>(network);
    for (auto& [name, tensor] : dict)
      if (name.ends_with("gamma")) fill_uniform<T>({3, name.size()}, 0, tensor.span());
    load_state_dict<T>(network, dict);
    for (const auto& [name, tensor] : dict)
      for (const auto& entry : layout.entries)
        if (entry.name == name)
          std::copy(tensor.begin(), tensor.end(), parameters.data() + entry.offset);
    for (std::size_t i = 0; i < rows; ++i)
      slot[i] = static_cast<std::uint32_t>(i * slots_count / rows);
    for (std::size_t s = 0; s < slots_count; ++s) {
      timesteps.push_back(static_cast<int>(1 + 97 * s));
      weights[s] = T(0.5) + static_cast<T>(s) / static_cast<T>(slots_count);
    }
    source = [this](std::size_t first, std::size_t n, T* zs, T* ts) {
      std::copy_n(z.data() + first * 3, n * 3, zs);
      std::copy_n(target.data() + first * 3, n * 3, ts);
    };
  }
  Timesteps row_timesteps() const {
    Timesteps t;
    for (const auto s : slot) t.push_back(timesteps[s]);
    return t;
  }
  std::pair<double, Tensor<T>> fused(std::size_t tile, std::size_t lanes) {
    fused::Engine<T> engine(layout, tile, lanes);
    engine.set_parameters(parameters.span(), papillon::fused::Purpose::training);
    engine.set_timesteps(timesteps);
    Tensor<T> gradient(Shape{layout.size});
    const double loss = engine.loss_and_gradient(slot, source, weights, gradient.span());
    return {loss, gradient};
  }

  ResidualFilmMlp<T> network;
  papillon::fused::Layout layout;
  Tensor<T> parameters, z, target;
  std::vector<std::uint32_t> slot;
  std::vector<T> weights;
  std::vector<int> timesteps;
  papillon::fused::TileSource<T> source;
};

// The same loss and gradient through the module and the tape.
template <class T>
std::pair<double, Tensor<T>> clear(const Problem<T>& p) {
  Tensor<T> w(Shape{p.slot.size(), 1});
  for (std::size_t i = 0; i < p.slot.size(); ++i) w[i] = p.weights[p.slot[i]];
  const Var<T> residual = p.network(Var<T>(p.z), p.row_timesteps()) - Var<T>(p.target);
  const Var<T> loss = mean(Var<T>(w) * residual * residual);
  std::vector<Var<T>> inputs;
  std::vector<std::size_t> offsets;
  const auto names = state_dict<T>(p.network);
  const auto all = parameters(p.network);
  std::size_t next = 0;
  for (const auto& [name, tensor] : names)
    for (const auto& entry : p.layout.entries)
      if (entry.name == name) {
        inputs.push_back(all.at(next++));
        offsets.push_back(entry.offset);
      }
  REQUIRE(next == all.size());
  const auto grads = gradient(loss, inputs);
  Tensor<T> flat(Shape{p.layout.size});
  for (std::size_t i = 0; i < grads.size(); ++i)
    std::copy(grads[i].value().begin(), grads[i].value().end(), flat.data() + offsets[i]);
  return {static_cast<double>(loss.item()), flat};
}

template <class T>
double largest(const Tensor<T>& t) {
  double m = 0;
  for (const T x : t) m = std::max(m, std::abs(static_cast<double>(x)));
  return m;
}

}  // namespace

TEMPLATE_TEST_CASE("fused: loss and gradient equal those of the tape", "[fused]", float, double) {
  using T = TestType;
  Problem<T> p(101, 7);
  const auto [loss, gradient] = p.fused(16, 5);
  const auto [clear_loss, clear_gradient] = clear(p);
  // Sums of about 100 rows in another order: some tens of units in the last place.
  const double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-13;
  CHECK(std::abs(loss - clear_loss) <= tolerance * clear_loss);
  for (const auto& entry : p.layout.entries) {
    INFO(entry.name);
    const std::size_t n = element_count(entry.shape);
    double error = 0, scale = 0;
    for (std::size_t i = entry.offset; i < entry.offset + n; ++i) {
      error = std::max(error, std::abs(static_cast<double>(gradient[i] - clear_gradient[i])));
      scale = std::max(scale, std::abs(static_cast<double>(clear_gradient[i])));
    }
    CHECK(scale > 0);
    CHECK(error <= 10 * tolerance * scale);
  }
}

TEMPLATE_TEST_CASE("fused: predictions and features equal the module's", "[fused]", float, double) {
  using T = TestType;
  Problem<T> p(50, 4);
  fused::Engine<T> engine(p.layout, 16);
  engine.set_parameters(p.parameters.span());
  engine.set_timesteps(p.timesteps);
  Tensor<T> prediction(Shape{50, 3}), values(Shape{50, 37});
  engine.forward(p.z.span(), p.slot, fused::Output::prediction, prediction.span());
  engine.forward(p.z.span(), p.slot, fused::Output::features, values.span());
  const double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-13;
  const NoGrad guard;
  CHECK(max_abs_difference(prediction, p.network(Var<T>(p.z), p.row_timesteps()).value()) <=
        tolerance);
  CHECK(max_abs_difference(values, p.network.features(Var<T>(p.z), p.row_timesteps()).value()) <=
        10 * tolerance);
}

TEMPLATE_TEST_CASE("fused: a row's inference has the same bits in any tile, beside any timesteps",
                   "[fused]", float, double) {
  using T = TestType;
  const Problem<T> p(300, 5);
  const auto run = [&](std::size_t tile, std::size_t first, std::size_t n) {
    fused::Engine<T> engine(p.layout, tile);
    engine.set_parameters(p.parameters.span());
    // All timesteps, or just those of these rows.
    const std::uint32_t from = first > 0 ? p.slot[first] : 0;
    engine.set_timesteps(std::span(p.timesteps).subspan(from));
    std::vector<std::uint32_t> slot;
    for (std::size_t i = first; i < first + n; ++i) slot.push_back(p.slot[i] - from);
    Tensor<T> out(Shape{n, 3});
    engine.forward(p.z.span().subspan(first * 3, n * 3), slot, fused::Output::prediction,
                   out.span());
    return out;
  };
  const Tensor<T> all = run(256, 0, 300);
  for (const std::size_t tile : {1, 2, 7, 255, 1000}) CHECK(identical(run(tile, 0, 300), all));
  for (const std::size_t n : {1, 2, 7, 100})
    for (std::size_t first = 0; first + n <= 300; first += 37)
      CHECK(identical(run(64, first, n), Tensor<T>({n, 3}, all.span().subspan(first * 3, n * 3))));
}

TEST_CASE("fused: the loss has the same bits in tiles of any size", "[fused]") {
  const Problem<float> p(300, 5);
  std::vector<double> losses;
  for (const std::size_t tile : {256, 1, 7, 300}) {
    fused::Engine<float> engine(p.layout, tile);
    engine.set_parameters(p.parameters.span());
    engine.set_timesteps(p.timesteps);
    losses.push_back(engine.loss(p.slot, p.source, p.weights));
    CHECK(losses.back() == losses.front());
  }
}

TEST_CASE("fused: the loss without the gradient is the same loss", "[fused]") {
  Problem<double> p(77, 5);
  fused::Engine<double> engine(p.layout, 16);
  engine.set_parameters(p.parameters.span());
  engine.set_timesteps(p.timesteps);
  Tensor<double> gradient(Shape{p.layout.size});
  const double with = engine.loss_and_gradient(p.slot, p.source, p.weights, gradient.span());
  CHECK(engine.loss(p.slot, p.source, p.weights) == Approx(with).epsilon(1e-13));
}

TEST_CASE("fused: the same bits for any number of threads", "[fused]") {
  Problem<float> p(333, 11);
  set_thread_count(1);
  const auto [loss1, gradient1] = p.fused(16, 8);
  for (const std::size_t threads : {2, 3, 8}) {
    set_thread_count(threads);
    const auto [loss, gradient] = p.fused(16, 8);
    CHECK(loss == loss1);
    CHECK(identical(gradient, gradient1));
  }
  set_thread_count(0);
}

TEST_CASE("fused: tile size and lanes change the rounding only", "[fused]") {
  Problem<double> p(333, 11);
  const auto [loss, gradient] = p.fused(16, 8);
  const double scale = largest(gradient);
  for (const auto& [tile, lanes] :
       {std::pair<std::size_t, std::size_t>{333, 1}, {1000, 16}, {7, 3}, {1, 400}}) {
    const auto [other_loss, other] = p.fused(tile, lanes);
    CHECK(other_loss == Approx(loss).epsilon(1e-13));
    CHECK(max_abs_difference(other, gradient) <= 1e-13 * scale);
  }
}

TEST_CASE("fused: one timestep over all lanes sums right", "[fused]") {
  Problem<double> p(200, 1);
  CHECK(max_abs_difference(p.fused(8, 16).second, clear(p).second) <= 1e-12);
}

TEST_CASE("fused: a steady step takes no memory", "[fused]") {
  Problem<float> p(300, 6);
  set_thread_count(2);
  fused::Engine<float> engine(p.layout, 16, 4);
  Tensor<float> gradient(Shape{p.layout.size});
  const auto step = [&] {
    engine.set_parameters(p.parameters.span(), fused::Purpose::training);
    engine.set_timesteps(p.timesteps);
    engine.loss_and_gradient(p.slot, p.source, p.weights, gradient.span());
  };
  // How many tiles run at once decides how many scratch areas exist: some steps reach the maximum.
  for (int i = 0; i < 50; ++i) step();
  const auto before = total_system_allocations();
  for (int i = 0; i < 5; ++i) step();
  CHECK(total_system_allocations() == before);
  set_thread_count(0);
}

TEST_CASE("fused: misuse is named", "[fused]") {
  Problem<float> p(10, 2);
  fused::Engine<float> engine(p.layout, 4);
  Tensor<float> gradient(Shape{p.layout.size});
  CHECK_THROWS_AS(engine.set_timesteps(p.timesteps), ArgumentError);
  CHECK_THROWS_AS(engine.set_parameters(p.parameters.span().first(10)), ShapeError);
  engine.set_parameters(p.parameters.span());
  CHECK_THROWS_AS(engine.loss(p.slot, p.source, {}), ArgumentError);
  engine.set_timesteps(p.timesteps);
  std::vector<std::uint32_t> unsorted = {1, 0}, outside = {0, 2};
  CHECK_THROWS_AS(engine.loss_and_gradient(unsorted, p.source, {}, gradient.span()), ArgumentError);
  CHECK_THROWS_AS(engine.loss_and_gradient(outside, p.source, {}, gradient.span()), ArgumentError);
  CHECK_THROWS_AS(fused::Engine<float>(p.layout, 0), ArgumentError);
  engine.set_parameters(p.parameters.span(), fused::Purpose::training);
  CHECK_THROWS_AS(engine.loss(p.slot, p.source, {}), ArgumentError);
  Tensor<float> out(Shape{10, 3});
  CHECK_THROWS_AS(engine.forward(p.z.span(), p.slot, fused::Output::prediction, out.span()),
                  ArgumentError);
}
