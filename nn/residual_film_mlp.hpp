// The paper's denoising network (Finn et al. 2024, section 4.1 and appendix A): the reference
// implementation. With the default sizes it has 1,185,283 parameters. nn/fused is the optimised
// one.
#pragma once

#include "papillon/nn/fused/layout.hpp"
#include "papillon/nn/residual_block.hpp"
#include "papillon/nn/time_embedding.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon {

struct ResidualFilmMlpConfig {
  std::size_t state_dim = 3, hidden = 256, blocks = 3, embedding = 512;

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("state_dim", self.state_dim);
    visit("hidden", self.hidden);
    visit("blocks", self.blocks);
    visit("embedding", self.embedding);
  }
};

template <class T>
struct ResidualFilmMlp {
  using value_type = T;
  using Config = ResidualFilmMlpConfig;
  static constexpr const char* architecture = "residual-film-mlp";

  ResidualFilmMlp(const Config& c, std::uint64_t seed)
      : config(c),
        embedding_layer(c.embedding),
        input_projection(c.state_dim, c.hidden, random_stream(seed, Purpose::denoiser_weights)),
        output_head(c.hidden, c.state_dim, random_stream(seed, Purpose::denoiser_weights), 1) {
    const RandomStream stream = random_stream(seed, Purpose::denoiser_weights);
    for (std::size_t l = 0; l < c.blocks; ++l)
      residual_layers.emplace_back(c.hidden, c.embedding, stream, 2 + 3 * l);
  }

  // The values before the output head: x [N, D], one timestep a row -> [N, H].
  Var<T> features(const Var<T>& x, const Timesteps& t) const {
    if (x.shape().size() != 2 || x.shape()[1] != config.state_dim || t.size() != x.shape()[0])
      throw ShapeError("ResidualFilmMlp: input of shape " + to_string(x.shape()) + " with " +
                       std::to_string(t.size()) + " timesteps ([N, " +
                       std::to_string(config.state_dim) + "] with N are needed)");
    const Var<T> condition(embedding_layer(t));
    Var<T> h = input_projection(x);
    for (const auto& layer : residual_layers) h = layer(h, condition);
    return h;
  }

  // The head's prediction, [N, D].
  Var<T> operator()(const Var<T>& x, const Timesteps& t) const {
    return output_head(features(x, t));
  }

  // Where the optimised implementation has each parameter; by it an engine is chosen.
  fused::Layout fused_layout() const {
    return {config.state_dim, config.hidden, config.blocks, config.embedding};
  }

  Config config;
  TimeEmbedding<T> embedding_layer;
  Linear<T> input_projection;
  std::vector<ResidualBlock<T>> residual_layers;
  Linear<T> output_head;

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("embedding_layer", self.embedding_layer);
    visit("input_projection", self.input_projection);
    visit("residual_layers", self.residual_layers);
    visit("output_head", self.output_head);
  }
};

}  // namespace papillon
