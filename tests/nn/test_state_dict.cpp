// Checkpoints in memory: a round trip, and errors that name what is wrong.
#include <algorithm>

#include "catch.hpp"
#include "papillon/nn/mlp.hpp"
#include "papillon/nn/residual_film_mlp.hpp"
#include "papillon/nn/state_dict.hpp"

using namespace papillon;

TEST_CASE("a state dict carries a network to another, in any order") {
  const ResidualFilmMlp<float> from({3, 12, 2, 8}, 1);
  ResidualFilmMlp<float> to({3, 12, 2, 8}, 2);
  const Var<float> x(random_normal<float>({4, 3}, {5, 5}));
  const Timesteps t{1, 5, 500, 1000};
  CHECK_FALSE(identical(from(x, t).value(), to(x, t).value()));
  auto dict = state_dict<float>(from);
  std::reverse(dict.begin(), dict.end());
  load_state_dict(to, dict);
  CHECK(identical(from(x, t).value(), to(x, t).value()));
  dict[0].second.fill(0);  // the network has copies
  CHECK(identical(from(x, t).value(), to(x, t).value()));
}

TEST_CASE("parameters are handles: what an optimiser changes, the module sees") {
  Mlp<float> mlp({2, 3}, {1, 0});
  parameters(mlp)[1].mutable_value().fill(7);
  CHECK(mlp.layers[0].bias.value()[2] == 7);
}

TEST_CASE("a state dict that does not fit names all that is wrong and changes nothing") {
  Mlp<float> mlp({2, 4, 1}, {1, 0});
  const auto before = state_dict<float>(mlp);
  auto dict = before;
  for (auto& [name, tensor] : dict) tensor.fill(9);
  dict[0].second = Tensor<float>::ones({4, 3});
  dict[1].first = "layers.0.offset";
  CHECK_THROWS_AS(load_state_dict(mlp, dict), InputError);
  CHECK_THROWS_WITH(load_state_dict(mlp, dict),
                    contains_text("'layers.0.weight' has shape [4, 3] where [4, 2] is needed") &&
                        contains_text("'layers.0.bias' is missing") &&
                        contains_text("'layers.0.offset' is not part of the module"));
  auto twice = before;
  twice.push_back(before[0]);
  CHECK_THROWS_WITH(load_state_dict(mlp, twice), contains_text("occurs twice"));
  const auto after = state_dict<float>(mlp);
  for (std::size_t i = 0; i < before.size(); ++i)
    CHECK(identical(before[i].second, after[i].second));
}
