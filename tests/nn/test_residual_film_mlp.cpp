// The paper's network: its size, its names, and where it starts.
#include <string>
#include <vector>

#include "catch.hpp"
#include "papillon/autograd/gradient.hpp"
#include "papillon/nn/residual_film_mlp.hpp"
#include "papillon/nn/state_dict.hpp"

using namespace papillon;

TEST_CASE("the network has the reference's parameters, names and shapes") {
  const ResidualFilmMlp<float> network({}, 0);
  CHECK(count_parameters(network) == 1185283);
  std::vector<std::pair<std::string, Shape>> expected{{"embedding_layer.frequencies", {256}},
                                                      {"input_projection.weight", {256, 3}},
                                                      {"input_projection.bias", {256}}};
  for (int l = 0; l < 3; ++l) {
    const std::string layer = "residual_layers." + std::to_string(l) + ".";
    expected.insert(expected.end(), {{layer + "film.affine_film.weight", {512, 512}},
                                     {layer + "film.affine_film.bias", {512}},
                                     {layer + "branch.0.weight", {256, 256}},
                                     {layer + "branch.0.bias", {256}},
                                     {layer + "branch.2.weight", {256, 256}},
                                     {layer + "branch.2.bias", {256}},
                                     {layer + "gamma", {256}}});
  }
  expected.insert(expected.end(), {{"output_head.weight", {3, 256}}, {"output_head.bias", {3}}});
  std::vector<std::pair<std::string, Shape>> found;
  for (const auto& [name, tensor] : state_dict<float>(network))
    found.emplace_back(name, tensor.shape());
  CHECK(found == expected);
  CHECK(parameters(network).size() == found.size() - 1);  // the frequencies are not trained
}

TEST_CASE("no two weights start alike, and a seed gives them all") {
  const ResidualFilmMlp<float> a({3, 16, 2, 8}, 4), b({3, 16, 2, 8}, 4), c({3, 16, 2, 8}, 5);
  const auto da = state_dict<float>(a), db = state_dict<float>(b), dc = state_dict<float>(c);
  for (std::size_t i = 0; i < da.size(); ++i) {
    CHECK(identical(da[i].second, db[i].second));
    const bool fixed = da[i].first.ends_with("gamma") || da[i].first.ends_with("frequencies");
    CHECK(identical(da[i].second, dc[i].second) == fixed);
    for (std::size_t j = 0; j < i; ++j)
      if (!fixed) CHECK_FALSE(identical(da[i].second, da[j].second));
  }
}

TEST_CASE("at the start the blocks do next to nothing, since gamma is 1e-6") {
  const ResidualFilmMlp<double> network({}, 1);
  const Var<double> x(random_normal<double>({7, 3}, {2, 0}));
  const Timesteps t{0, 1, 10, 100, 500, 999, 1000};
  const auto y = network(x, t);
  const auto plain = network.output_head(network.input_projection(x)).value();
  CHECK(y.shape() == Shape{7, 3});
  CHECK(max_abs_difference(y.value(), plain) < 1e-5);  // 3 branches of size 1, times 1e-6
  CHECK(max_abs_difference(y.value(), plain) > 0);
  CHECK(identical(network.output_head(network.features(x, t)).value(), y.value()));
}

TEST_CASE("rows do not see one another, and each has its own timestep") {
  ResidualFilmMlp<double> network({3, 16, 2, 8}, 1);
  for (auto& layer : network.residual_layers) layer.gamma.mutable_value().fill(0.5);
  const auto x = random_normal<double>({2, 3}, {2, 0});
  const auto row = [&](std::size_t i) {
    return Tensor<double>({1, 3}, {x(i, 0), x(i, 1), x(i, 2)});
  };
  const auto both = network(Var<double>(x), {3, 700}).value();
  const auto first = network(Var<double>(row(0)), {3}).value();
  const auto second = network(Var<double>(row(1)), {700}).value();
  for (std::size_t j = 0; j < 3; ++j) {
    CHECK(both(0, j) == Approx(first[j]).epsilon(1e-12));
    CHECK(both(1, j) == Approx(second[j]).epsilon(1e-12));
  }
  CHECK(max_abs_difference(network(Var<double>(row(0)), {4}).value(), first) > 1e-4);
}

TEST_CASE("every parameter gets a gradient") {
  const ResidualFilmMlp<double> network({3, 16, 2, 8}, 1);
  const Var<double> x(random_normal<double>({5, 3}, {2, 0}));
  const auto y = network(x, {1, 2, 3, 400, 1000});
  for (const auto& g : gradient(mean(y * y), parameters(network)))
    CHECK(max_abs_difference(g.value(), Tensor<double>::zeros(g.shape())) > 0);
}

TEST_CASE("inputs that do not fit are refused") {
  const ResidualFilmMlp<float> network({3, 16, 1, 8}, 1);
  const Var<float> x(Tensor<float>::ones({2, 3})), wide(Tensor<float>::ones({2, 4}));
  CHECK_THROWS_WITH(network(wide, {1, 2}), contains_text("[2, 4]") && contains_text("[N, 3]"));
  CHECK_THROWS_AS(network(x, {1}), ShapeError);
}
